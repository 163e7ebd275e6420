package chatapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// samplePage renders a page of messages as the vendor's sample shows them.
func samplePage(rows int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"total_entries":%d,"skip":0,"limit":100,"items":[`, 663000)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"_id":"63834bbecf1efb102da4%04x","chat_dialog_id":"61721539107bd9002fdb84ed",`+
			`"message":"Warning! People are coming! Right Now. By Http","date_sent":1669548990,"sender_id":4980089,`+
			`"recipient_id":4997495,"created_at":"2022-11-27T11:36:%02dZ","updated_at":"2022-11-27T11:36:31Z",`+
			`"read_ids":[4980089],"delivered_ids":[4980089],"userExtraData":null,"mission":"take over the planet",`+
			`"name":"intel","attachments":[{"type":"image","id":"3004"}],"reactions":null,"views_count":0,"edited_at":null,"read":0}`, i, i%60)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkDecodeMessages(b *testing.B) {
	body := samplePage(100)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if page, err := decodePage(body, decodeMessage); err != nil || len(page.Items) != 100 {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var page struct {
				Total int64 `json:"total_entries"`
				Items []struct {
					ID           string    `json:"_id"`
					ChatDialogID string    `json:"chat_dialog_id"`
					CreatedAt    time.Time `json:"created_at"`
					UpdatedAt    time.Time `json:"updated_at"`
				} `json:"items"`
			}
			if err := json.Unmarshal(body, &page); err != nil || len(page.Items) != 100 {
				b.Fatal(err)
			}
		}
	})
}
