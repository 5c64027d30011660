package tcpstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Barrier returns when all ranks from 0 to size-1 have called it with this name, and tells by ErrTimeout which did not come. A
// name serves once. The last to leave removes the barrier's keys: whoever hosts the store stays until the others have
// returned, by Drain.
func (c *Client) Barrier(ctx context.Context, name string, rank, size int) error {
	keys := make([]string, size)
	for i := range keys {
		keys[i] = name + "/" + strconv.Itoa(i)
	}
	if err := c.Set(ctx, keys[rank], []byte("here")); err != nil {
		return err
	}
	err := c.Wait(ctx, keys...)
	if errors.Is(err, ErrTimeout) {
		err = c.absent(ctx, name, keys)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	gone := name + "/gone"
	if n, err := c.Add(ctx, gone, 1); err != nil || n < int64(size) {
		return err
	}
	for _, key := range append(keys, gone) {
		if _, err := c.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// absent says which ranks did not come in time. None, if the last one came with the end of it.
func (c *Client) absent(ctx context.Context, name string, keys []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	var missing []string
	for i, key := range keys {
		if came, err := c.Check(ctx, key); err != nil {
			return fmt.Errorf("barrier %s: %w", name, err)
		} else if !came {
			missing = append(missing, strconv.Itoa(i))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("store %s: %w: barrier %s: of %d ranks these did not come: %s", c.address, ErrTimeout, name, len(keys), strings.Join(missing, ", "))
}
