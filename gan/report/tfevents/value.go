package tfevents

import (
	"fmt"
	"reflect"
)

// anything is a setting as a google.protobuf.Value, and the plugin's word for its kind.
func anything(v any) (value message, kind int64) {
	switch r := reflect.ValueOf(v); {
	case r.Kind() == reflect.Bool:
		b := int64(0)
		if r.Bool() {
			b = 1
		}
		return message(nil).integer(anyBool, b), kindBool
	case r.CanInt():
		return message(nil).double(anyNumber, float64(r.Int())), kindNumber
	case r.CanUint():
		return message(nil).double(anyNumber, float64(r.Uint())), kindNumber
	case r.CanFloat():
		return message(nil).double(anyNumber, r.Float()), kindNumber
	}
	return message(nil).text(anyString, fmt.Sprint(v)), kindString
}
