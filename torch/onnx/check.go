package onnx

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// checker goes through a model in the order of a reader and knows what is defined so far.
type checker struct {
	model   *Model
	defined map[string]string // value name -> who defines it, for the message
}

// check reports what a reader would choke on, all but the sizes and elements of initializers.
func check(m *Model) error {
	if m == nil {
		return errors.New("there is no model")
	}
	c := &checker{m, map[string]string{}}
	for _, step := range []func() error{c.texts, c.inputs, c.initializers, c.nodes, c.outputs} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// texts checks what is said about the model.
func (c *checker) texts() error {
	if c.model.Name == "" {
		return errors.New("the graph has no name: set Model.Name")
	}
	if err := checkText(c.model.Name, c.model.Producer, c.model.ProducerVersion); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, kv := range c.model.Metadata {
		if err := checkText(kv[0], kv[1]); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		if seen[kv[0]] {
			return fmt.Errorf("metadata: the key %q is there twice: keep one", kv[0])
		}
		seen[kv[0]] = true
	}
	return nil
}

func (c *checker) inputs() error {
	for i := range c.model.Inputs {
		v := &c.model.Inputs[i]
		who := fmt.Sprintf("graph input %d", i)
		if err := v.check(); err != nil {
			return fmt.Errorf("%s %q: %w", who, v.Name, err)
		}
		if err := c.define(v.Name, who); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) initializers() error {
	for i := range c.model.Initializers {
		t := &c.model.Initializers[i]
		who := fmt.Sprintf("initializer %d", i)
		if err := t.check(); err != nil {
			return fmt.Errorf("%s %q: %w", who, t.Name, err)
		}
		if err := c.define(t.Name, who); err != nil {
			return err
		}
	}
	return nil
}

// nodes checks that each reads only what was defined before it.
func (c *checker) nodes() error {
	names := map[string]string{}
	for i := range c.model.Nodes {
		n := &c.model.Nodes[i]
		who := label(i, n)
		if err := n.check(); err != nil {
			return fmt.Errorf("%s: %w", who, err)
		}
		if other := names[n.Name]; other != "" {
			return fmt.Errorf("%s has the name of %s: give it another or none", who, other)
		}
		if n.Name != "" {
			names[n.Name] = who
		}
		for _, name := range n.Inputs {
			if c.defined[name] == "" && name != "" {
				return c.undefined(who, i, name)
			}
		}
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			if err := c.define(name, who); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) outputs() error {
	if len(c.model.Outputs) == 0 {
		return errors.New("the graph has no outputs: a reader would drop all of it")
	}
	seen := map[string]bool{}
	for i := range c.model.Outputs {
		v := &c.model.Outputs[i]
		if err := v.check(); err != nil {
			return fmt.Errorf("graph output %d %q: %w", i, v.Name, err)
		}
		if c.defined[v.Name] == "" {
			return fmt.Errorf("graph output %d is %q, which nothing defines: name an output of a node", i, v.Name)
		}
		if seen[v.Name] {
			return fmt.Errorf("graph output %d %q is there twice: keep one", i, v.Name)
		}
		seen[v.Name] = true
	}
	return nil
}

// define enters a name into the one space of names that inputs, initializers and outputs of nodes share.
func (c *checker) define(name, who string) error {
	if name == "" {
		return fmt.Errorf("%s has no name: give it one", who)
	}
	if other := c.defined[name]; other != "" {
		return fmt.Errorf("%q is defined twice, by %s and %s: rename one", name, other, who)
	}
	c.defined[name] = who
	return nil
}

// undefined tells a node in the wrong place from a wrong name.
func (c *checker) undefined(who string, i int, name string) error {
	for j := i; j < len(c.model.Nodes); j++ {
		for _, out := range c.model.Nodes[j].Outputs {
			if out == name {
				return fmt.Errorf("%s reads %q, which %s makes, not a node before it: order the nodes by what they read",
					who, name, label(j, &c.model.Nodes[j]))
			}
		}
	}
	return fmt.Errorf("%s reads %q, which nothing defines: name an input, an initializer or an output of a node before it",
		who, name)
}

func label(i int, n *Node) string {
	if n.Name == "" {
		return fmt.Sprintf("node %d (%.100q)", i, n.Op)
	}
	return fmt.Sprintf("node %d (%.100q, %.100q)", i, n.Op, n.Name)
}

func (n *Node) check() error {
	if n.Op == "" {
		return errors.New("it has no operator: set Node.Op")
	}
	texts := append([]string{n.Op, n.Name}, n.Inputs...)
	if err := checkText(append(texts, n.Outputs...)...); err != nil {
		return err
	}
	made := false
	for _, name := range n.Outputs {
		made = made || name != ""
	}
	if !made {
		return errors.New("it has no outputs: name one")
	}
	seen := map[string]bool{}
	for _, a := range n.Attrs {
		if a.name == "" || a.value == nil {
			return fmt.Errorf("an attribute %q has no name or no value: make it with Int, Ints, Float or String", a.name)
		}
		if seen[a.name] {
			return fmt.Errorf("the attribute %q is there twice: keep one", a.name)
		}
		seen[a.name] = true
		text, _ := a.value.(string)
		if err := checkText(a.name, text); err != nil {
			return err
		}
	}
	return nil
}

func (v *Value) check() error {
	if v.Name == "" {
		return errors.New("it has no name: give it one")
	}
	if err := checkText(v.Name); err != nil {
		return err
	}
	for i, d := range v.Dims {
		if (d.Size > 0) == (d.Name != "") || d.Size < 0 {
			return fmt.Errorf("dimension %d is %+v: give it a size from 1 on or a name", i, d)
		}
		if err := checkText(d.Name); err != nil {
			return err
		}
	}
	return checkType(v.Type)
}

func (t *Tensor) check() error {
	if err := checkText(t.Name); err != nil {
		return err
	}
	if err := checkType(t.DType); err != nil {
		return err
	}
	if t.Bytes == nil {
		return errors.New("it has no elements: set Tensor.Bytes")
	}
	return nil
}

// checkText demands what protobuf demands of a string.
func checkText(texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%.100q is not UTF-8: rename it", s)
		}
	}
	return nil
}
