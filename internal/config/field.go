package config

// Settings are the typed settings of one instance of a sub-system.
type Settings interface {
	// Fields declares each setting, in the order in which they are printed.
	Fields(*FieldSet)
	// Validate is called once the fields are set, and only for an enabled
	// instance. It looks at what one field alone cannot tell (a certificate
	// without its key) and touches neither network nor disk. Several errors are
	// joined with errors.Join. Error texts name the key and never a secret.
	Validate() error
}

// SubSystem declares a group of settings.
type SubSystem struct {
	// Name as in `mc admin config set ALIAS notify_webhook`.
	Name        string
	Description string
	// Multiple says that there may be several named instances.
	Multiple bool
	// AlwaysOn says that there is no key enable: the settings are always in
	// force.
	AlwaysOn bool
	// New returns a pointer to zero settings.
	New func() Settings
}

// Field is the declaration of one setting, for help, forms and documents.
type Field struct {
	Key string
	// Type is what help prints: url, string, path, on|off, number ...
	Type string
	Help string
	// Default is the value in force when none is given.
	Default string
	// Required fields must have a value while the instance is enabled.
	Required bool
	// Unless is a key whose value makes this one dispensable.
	Unless string
	// Secret fields are left out of `config get` once they have a value.
	Secret bool
	// HiddenIfEmpty fields are printed only when they were given a value.
	HiddenIfEmpty bool
	// FreeText values may hold white space and `word=`: they run to the next
	// current key of the sub-system.
	FreeText bool
	// Deprecated, when not empty, says what to use instead. Deprecated fields
	// are still read; they do not show in help.
	Deprecated string
	// Aliases are other spellings of Key.
	Aliases []string
	// EnvKey is the part of the environment's name that stands for the key.
	EnvKey string

	dir   bool
	parse func(text string) error
}

// Option changes a declaration.
type Option func(*Field)

// Required makes an enabled instance without this value invalid.
func Required() Option { return func(f *Field) { f.Required = true } }

// RequiredUnless is Required while the other key has no value: for a key that
// replaced others which are still read.
func RequiredUnless(other string) Option {
	return func(f *Field) { f.Required, f.Unless = true, other }
}

// Default is the value in force when none is given, in the form in which a user
// would type it.
func Default(text string) Option { return func(f *Field) { f.Default = text } }

// Extension marks a key that MinIO does not have. `config get` prints it only
// when it was given a value, so that output is what scripts know.
func Extension() Option { return HiddenIfEmpty() }

// HiddenIfEmpty has `config get` print the key only when it was given a value.
func HiddenIfEmpty() Option { return func(f *Field) { f.HiddenIfEmpty = true } }

// FreeText lets the value hold white space and `word=`, as a connection string
// does: it runs to the next current key of the sub-system.
func FreeText() Option { return func(f *Field) { f.FreeText = true } }

// Deprecated keeps an old key readable. It ends no free text, is left out of
// help, and is printed only when it was given a value.
func Deprecated(useInstead string) Option {
	return func(f *Field) { f.Deprecated, f.HiddenIfEmpty = useInstead, true }
}

// Alias gives other spellings of the key, for `config set` and the environment.
func Alias(keys ...string) Option {
	return func(f *Field) { f.Aliases = append(f.Aliases, keys...) }
}

// EnvName gives the key another name in the environment: with
// "PRODUCER_COMPRESSION_CODEC" the variable of notify_kafka is
// MINIO_NOTIFY_KAFKA_PRODUCER_COMPRESSION_CODEC. The regular name works too.
func EnvName(key string) Option { return func(f *Field) { f.EnvKey = key } }

// Type changes the type that help prints, such as "(plain*|sha256|sha512)".
func Type(name string) Option { return func(f *Field) { f.Type = name } }

// Directory marks a path as a directory that the server makes for itself: it
// must be absolute, and `config set` refuses it if it cannot be made.
func Directory() Option {
	return func(f *Field) {
		f.dir = true
		f.check(absolutePath)
	}
}

// OneOf allows only the given values, in any case; the field gets them as
// spelled here. An empty value is left to Required.
func OneOf(values ...string) Option {
	return func(f *Field) { f.mapText(func(s string) (string, error) { return oneOf(values, s) }) }
}

// Range bounds a number, both ends included.
func Range(low, high int64) Option {
	return func(f *Field) { f.check(func(s string) error { return inRange(low, high, s) }) }
}

// Schemes are the schemes that a URL may have.
func Schemes(names ...string) Option {
	return func(f *Field) { f.check(func(s string) error { return schemeOf(names, s) }) }
}

// Check adds a test of the text of a value that is not empty. Its error must
// not repeat a value that may hold a secret.
func Check(ok func(text string) error) Option { return func(f *Field) { f.check(ok) } }

// check adds a test before what parse does now.
func (f *Field) check(ok func(text string) error) {
	f.mapText(func(s string) (string, error) { return s, ok(s) })
}

// mapText adds a conversion of a text that is not empty before what parse does
// now.
func (f *Field) mapText(convert func(text string) (string, error)) {
	next := f.parse
	f.parse = func(text string) error {
		if text == "" {
			return next(text)
		}
		converted, err := convert(text)
		if err != nil {
			return err
		}
		return next(converted)
	}
}

// current reports whether the key is one that users should type today.
func (f *Field) current() bool { return f.Deprecated == "" }
