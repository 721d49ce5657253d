package elasticsearch

import (
	"context"
	"fmt"
	"net/http"
)

// prepare makes the indexes that are missing and finds the form of ids, once;
// again after an index turned out to be gone.
func (c *cluster) prepare(ctx context.Context) (documentID, error) {
	if id := c.ready.Load(); id != nil {
		return *id, nil
	}
	select {
	case c.preparing <- struct{}{}:
		defer func() { <-c.preparing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the index: %w", ctx.Err())
	}
	if id := c.ready.Load(); id != nil {
		return *id, nil
	}
	for _, index := range c.indexes() {
		if err := c.ensure(ctx, index); err != nil {
			return nil, fmt.Errorf("index %s: %w", index, err)
		}
	}
	var id documentID
	if c.mirrors {
		var err error
		if id, err = c.chooseIDs(ctx); err != nil {
			return nil, fmt.Errorf("find the form of ids in index %s: %w", c.index, err)
		}
	}
	c.ready.Store(&id)
	return id, nil
}

// indexes are those that the format uses.
func (c *cluster) indexes() []string {
	if c.mirrors {
		return []string{c.index, c.companion}
	}
	return []string{c.index}
}

// exists reports whether there is an index, or an alias, of a name.
func (c *cluster) exists(ctx context.Context, index string) (bool, error) {
	err := c.ask(ctx, http.MethodGet, pathOf(index, ""), "*.aliases", nil, &map[string]any{})
	if refusalOf(err).Type == typeNoIndex {
		return false, nil
	}
	return err == nil, err
}

// ensure makes an index if it is missing. One that is there is used as it is.
func (c *cluster) ensure(ctx context.Context, index string) error {
	there, err := c.exists(ctx, index)
	if err != nil || there {
		return err
	}
	if index == c.companion {
		return c.create(ctx, index, companionIndex())
	}
	err = c.create(ctx, index, eventIndex(flattenedMetadata()))
	if refusalOf(err).Type == typeParse {
		// OpenSearch, and the first releases of 7, have no such type.
		err = c.create(ctx, index, eventIndex(plainMetadata()))
	}
	return err
}

func (c *cluster) create(ctx context.Context, index string, body object) error {
	err := c.ask(ctx, http.MethodPut, pathOf(index, ""), "acknowledged", body, nil)
	if refusalOf(err).Type == typeIndexExists {
		return nil // another made it just now
	}
	return err
}
