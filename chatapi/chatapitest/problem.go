package chatapitest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// problem is a request refused.
type problem struct {
	status int
	shape  BodyShape
	field  string
	text   string
}

func invalid(field, text string) *problem {
	return &problem{http.StatusUnprocessableEntity, BodyField, field, text}
}

const (
	typeJSON = "application/json; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
)

// body writes the problem in its shape.
func (p *problem) body() (contentType, body string) {
	quoted, err := json.Marshal(p.text)
	if err != nil {
		panic(err) // no string fails to marshal
	}
	field, err := json.Marshal(p.field)
	if err != nil {
		panic(err)
	}
	switch p.shape {
	case BodyList:
		return typeJSON, fmt.Sprintf(`{"errors":[%s]}`, quoted)
	case BodyField:
		if p.field == "" {
			field = []byte(`"request"`)
		}
		return typeJSON, fmt.Sprintf(`{"errors":{%s:[%s]}}`, field, quoted)
	case BodyText:
		return typeText, p.text
	case BodyHTML:
		return typeHTML, errorPage(p.status, p.text)
	case BodyEmpty:
		return typeText, ""
	}
	return typeJSON, fmt.Sprintf(`{"errors":{"base":[%s]}}`, quoted)
}

// errorPage is what nginx in front of the API says of a bad hour.
func errorPage(status int, note string) string {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n<hr><center>nginx</center>\r\n<!-- " + note + " -->\r\n</body>\r\n</html>\r\n"
}
