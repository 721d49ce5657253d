package event

// Name is one kind of event. Its number is its stored form.
type Name uint8
