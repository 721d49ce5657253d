package crash

// tableRow is one of a table: the JSON of an event, and its id or what it is of.
type tableRow struct {
	name string
	body []byte
}

func seenInRows(rows []tableRow) ([]seen, error) {
	all := make([]seen, 0, len(rows))
	for _, r := range rows {
		s, err := parseEvent(r.body, r.name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// mirrorOf takes rows of which each is of one object.
func mirrorOf(rows []tableRow) map[string][]byte {
	all := make(map[string][]byte, len(rows))
	for _, r := range rows {
		all[r.name] = r.body
	}
	return all
}
