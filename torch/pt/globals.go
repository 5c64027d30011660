package pt

import (
	"fmt"
	"strings"
)

// class is a global of Python that the machine knows: a function of ours stands for it.
type class struct {
	name string
	call func(*machine, Tuple) (any, error) // nil: it can be named but not called
	// of storage classes
	storage bool
	dtype   DType // 0: untyped, or of a type that is not read
	size    int64 // of an element, in bytes
}

// globals is the allow-list, which is that of PyTorch's weights_only loader: Python's name -> a *class, a DType or an *opaque.
var globals = makeGlobals()

func makeGlobals() map[string]any {
	table := map[string]any{"torch.storage.UntypedStorage": &class{name: "torch.storage.UntypedStorage", storage: true, size: 1}}
	for name, call := range map[string]func(*machine, Tuple) (any, error){
		"collections.OrderedDict":                    (*machine).orderedDict,
		"torch.Size":                                 (*machine).size,
		"torch.nn.parameter.Parameter":               (*machine).parameter,
		"torch._utils._rebuild_tensor":               (*machine).rebuildTensor,
		"torch._utils._rebuild_tensor_v2":            (*machine).rebuildTensorV2,
		"torch._utils._rebuild_tensor_v3":            (*machine).rebuildTensorV3,
		"torch._utils._rebuild_parameter":            (*machine).rebuildParameter,
		"torch._utils._rebuild_parameter_with_state": (*machine).rebuildParameter,
		"torch._tensor._rebuild_from_type_v2":        (*machine).rebuildFromType,
	} {
		table[name] = &class{name: name, call: call}
	}
	for name, what := range unread {
		table[name] = unreadClass(name, what)
	}
	for _, name := range constants {
		table[name] = &opaque{name}
	}
	for name, size := range quantized {
		table["torch."+name] = &class{name: "torch." + name, storage: true, size: size}
	}
	for _, d := range DTypes() {
		table["torch."+d.String()] = d
		if kind, ok := strings.CutSuffix(dtypes[d].storage, "Storage"); ok {
			addTyped(table, d, kind)
		}
	}
	return table
}

func unreadClass(name, what string) *class {
	return &class{name: name, call: func(*machine, Tuple) (any, error) { return &opaque{what}, nil }}
}

// addTyped adds the storage class of a type, and the classes of tensors that PyTorch had before its types.
func addTyped(table map[string]any, d DType, kind string) {
	for _, module := range []string{"torch.", "torch.cuda."} {
		name := module + kind + "Storage"
		table[name] = &class{name: name, storage: true, dtype: d, size: int64(d.Size())}
		for _, layout := range []string{"", "sparse."} {
			name := module + layout + kind + "Tensor"
			table[name] = unreadClass(name, "a bare "+name)
		}
	}
}

func (m *machine) global() error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	full := module + "." + name
	known := full
	if module == "__builtin__" { // Python 2's name, which protocol 2 keeps
		known = "builtins." + name
	}
	g, ok := globals[known]
	if !ok {
		return fmt.Errorf("refuses to run %s: a file of tensors needs nothing of the kind: "+
			"save net.state_dict() alone, or do not trust the file", quote(full))
	}
	return m.push(g)
}

func (m *machine) reduce() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	f, err := m.pop()
	if err != nil {
		return err
	}
	args, ok := v.(Tuple)
	c, isClass := f.(*class)
	if !ok || !isClass || c.call == nil {
		return fmt.Errorf("refuses to call %s with %s", typeName(f), typeName(v))
	}
	result, err := c.call(m, args)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return m.push(result)
}

// newObject is class.__new__(class, *args).
func (m *machine) newObject() error { return m.reduce() }

// build drops the attributes of an OrderedDict: a state dict keeps `_metadata` there, the versions of its modules. An opaque
// value stays what it is.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	if _, unread := v.(*opaque); unread {
		return nil
	}
	d, ok := v.(*Dict)
	if _, attributes := state.(*Dict); !ok || !d.Ordered || !attributes {
		return fmt.Errorf("refuses to build %s from %s", typeName(v), typeName(state))
	}
	return nil
}

func (m *machine) orderedDict(args Tuple) (any, error) {
	if len(args) != 0 {
		return &opaque{"an OrderedDict made of items"}, nil
	}
	return NewOrderedDict(), nil
}

func (m *machine) size(args Tuple) (any, error) {
	if len(args) == 1 {
		if dims, ok := args[0].(Tuple); ok {
			return dims, nil
		}
	}
	return nil, errArguments
}

// persistentID resolves ('storage', class, key, location, numel).
func (m *machine) persistentID() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	id, ok := v.(Tuple)
	if !ok || len(id) != 5 || id[0] != any("storage") {
		return fmt.Errorf("a persistent id that is no storage's: not written by torch.save")
	}
	c, isClass := id[1].(*class)
	key, isString := id[2].(string)
	numel, isInt := id[4].(int64)
	if !isClass || !c.storage || !isString || !isInt {
		return fmt.Errorf("a storage of %s: not written by torch.save", typeName(id[1]))
	}
	s, err := m.storage(c, key, numel)
	if err != nil {
		return err
	}
	return m.push(s)
}

// storage finds the entry data/KEY and compares its size.
func (m *machine) storage(c *class, key string, numel int64) (*storage, error) {
	name := "data/" + key
	e := m.archive.entries[name]
	if e == nil {
		return nil, fmt.Errorf("the storage %s is missing: the file is damaged", quote(name))
	}
	if numel < 0 || e.size%c.size != 0 || e.size/c.size != numel {
		return nil, fmt.Errorf("the storage %s has %d bytes, not %d elements of %d: the file is damaged", quote(name), e.size, numel, c.size)
	}
	s := m.storages[name]
	if s == nil {
		s = &storage{entry: e, r: m.archive.r, dtype: c.dtype, unchecked: m.archive.unchecked}
		m.storages[name] = s
		m.order = append(m.order, s)
	}
	if s.dtype != c.dtype {
		return nil, fmt.Errorf("the storage %s is %s and %s: the file is damaged", quote(name), s.dtype, c.dtype)
	}
	return s, nil
}
