package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// value is a flag's value whose errors name the flag: kingpin's own do not.
type value[T any] struct {
	name   string
	target *T
	parse  func(string) (T, error)
	text   string
}

// valueError is a value that a flag cannot take.
type valueError struct {
	flag string
	error
}

func (v *value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return &valueError{v.name, err}
	}
	*v.target, v.text = parsed, text
	return nil
}

func (v *value[T]) String() string { return v.text }

// boolValue makes kingpin offer --no-flag, too.
type boolValue struct{ value[bool] }

func (*boolValue) IsBoolFlag() bool { return true }

func parseBool(s string) (bool, error) {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return false, errors.New("must be true or false")
	}
	return v, nil
}

func parseNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errors.New("must be a number")
	}
	return v, nil
}

func parseWhole(s string) (int, error) {
	v, err := strconv.Atoi(s)
	if err != nil {
		return 0, errors.New("must be a whole number")
	}
	return v, nil
}

func parseSeed(s string) (uint64, error) {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, errors.New("must be a whole number, 0 or more")
	}
	return v, nil
}

func oneOf(choices []string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(choices, s) {
			return "", errors.New("must be one of " + strings.Join(choices, ", "))
		}
		return s, nil
	}
}
