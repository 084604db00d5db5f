package audit

import (
	"context"
	"fmt"
	"io"
)

// Export writes the entries of a team's trail to w as lines, from the one after
// number after, a page at a time. See [Entry.AppendLine].
func Export(ctx context.Context, w io.Writer, t Trail, team string, after int64) error {
	var lines []byte
	for {
		page, err := t.Entries(ctx, team, after, pageSize)
		if err != nil {
			return err
		}
		lines = lines[:0]
		for i := range page {
			e := &page[i]
			if lines, err = e.AppendLine(lines); err != nil {
				return fmt.Errorf("entry %d of team %q: %w", e.Number, team, err)
			}
			after = e.Number
		}
		if _, err := w.Write(lines); err != nil {
			return err
		}
		if len(page) < pageSize {
			return nil
		}
	}
}
