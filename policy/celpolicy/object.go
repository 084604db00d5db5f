package celpolicy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// An objectType is the type of an object with a fixed set of fields, so that an
// expression that asks for another one is wrong before it is evaluated.
type objectType struct {
	*types.Type
	fields map[string]*types.FieldType
}

// A field is one of an object that stands for a *T. It gets the value, and whether
// that is known.
type field[T any] struct {
	typ *types.Type
	get func(*T) (_ ref.Val, known bool)
}

func newObjectType[T any](name string, fields map[string]field[T]) *objectType {
	t := &objectType{Type: types.NewObjectType(name), fields: map[string]*types.FieldType{}}
	for name, f := range fields {
		t.fields[name] = &types.FieldType{
			Type: f.typ,
			IsSet: func(of any) bool {
				x, known := f.get(of.(*T))
				return known && !empty(x)
			},
			GetFrom: func(of any) (any, error) {
				x, known := f.get(of.(*T))
				if !known {
					return nil, fmt.Errorf("its %s is not known", name)
				}
				return x, nil
			},
		}
	}
	return t
}

func empty(x ref.Val) bool {
	s, ok := x.(traits.Sizer)
	return ok && s.Size() == types.IntZero
}

// FieldNames implements types.StructTypeDescriptor.
func (t *objectType) FieldNames() []string { return slices.Sorted(maps.Keys(t.fields)) }

// FindFieldType implements types.StructTypeDescriptor.
func (t *objectType) FindFieldType(name string) (*types.FieldType, bool) {
	f, ok := t.fields[name]
	return f, ok
}

// ReflectType implements types.StructTypeDescriptor.
func (t *objectType) ReflectType() reflect.Type { return nil }

// NewValue implements types.StructTypeDescriptor. Expressions make no objects.
func (t *objectType) NewValue(types.Adapter, map[string]ref.Val) ref.Val {
	return types.NewErr("%s cannot be made by an expression", t.TypeName())
}

// Adapt implements types.StructTypeDescriptor.
func (t *objectType) Adapt(_ types.Adapter, x any) ref.Val {
	return types.UnsupportedRefValConversionErr(x)
}

// An object is a value of an objectType.
type object struct {
	typ *types.Type
	of  any
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return o.typ }

// Value implements ref.Val.
func (o *object) Value() any { return o.of }

// Equal implements ref.Val. Objects are the same if they stand for the same.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	return types.Bool(ok && o.of == p.of)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(to ref.Type) ref.Val {
	switch to.TypeName() {
	case o.typ.TypeName():
		return o
	case types.TypeType.TypeName():
		return o.typ
	}
	return types.NewErr("%s cannot be made of %s", to.TypeName(), o.typ.TypeName())
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be made of %s", to, o.typ.TypeName())
}
