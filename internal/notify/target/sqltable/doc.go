// Package sqltable is what the targets in SQL databases share: their settings,
// the names and shapes of tables, and what a batch comes to. Statements are the
// kinds' own, as no two databases speak the same SQL.
package sqltable
