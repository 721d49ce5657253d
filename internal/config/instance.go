package config

import "errors"

// Origin says where a value was found.
type Origin uint8

// Origins; a higher one beats a lower one.
const (
	FromDefault Origin = iota
	FromStore
	FromEnvironment
)

// String returns default, stored or environment.
func (o Origin) String() string {
	switch o {
	case FromStore:
		return "stored"
	case FromEnvironment:
		return "environment"
	default:
		return "default"
	}
}

// Value is what is in force for one key.
type Value struct {
	// Text may be a secret: see Field.Secret.
	Text   string
	Origin Origin
	// Variable is the name of the environment's variable.
	Variable string
}

// Instance is one configured instance of a sub-system.
type Instance struct {
	SubSystem string
	// Target is the instance's name, DefaultTarget for the one without.
	Target string
	// Enabled is also true if what is wrong is the value of enable itself.
	Enabled bool
	// Settings is what SubSystem.New made, filled in. It is nil if Err is not,
	// and if the instance is not enabled.
	Settings Settings
	// Values holds every key.
	Values map[string]Value
	// Err says why an enabled instance is misconfigured. It concerns this
	// instance alone, and its text holds no secret.
	Err error
	// Removed says that the instance is gone, in a change.
	Removed bool
}

// Name is the instance as users write it: notify_webhook:1.
func (i Instance) Name() string { return headOf(i.SubSystem, i.Target) }

// resolve finds the values of one instance and decodes them.
func (s *schema) resolve(target string, stored map[string]string, env Env) Instance {
	values := make(map[string]Value, len(s.fields.fields))
	for _, f := range s.fields.fields {
		v := Value{Text: f.Default}
		if text := stored[f.Key]; text != "" {
			v = Value{Text: text, Origin: FromStore}
		}
		if text, variable, ok := env.lookup(s, f, target); ok {
			v = Value{Text: text, Origin: FromEnvironment, Variable: variable}
		}
		values[f.Key] = v
	}
	i := Instance{SubSystem: s.Name, Target: target, Values: values}
	i.Settings, i.Enabled, i.Err = s.decode(values)
	return i
}

// decode fills fresh settings. They are nil unless the instance is enabled and
// well formed.
func (s *schema) decode(values map[string]Value) (Settings, bool, error) {
	texts := make(map[string]string, len(values))
	for key, v := range values {
		texts[key] = v.Text
	}
	i := s.instance()
	errs := i.fields.apply(texts, true)
	if _, err := ParseBool(texts[keyEnable]); err == nil && !i.enabled {
		return nil, false, nil
	}
	if len(errs) == 0 {
		errs = append(errs, i.settings.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, true, err
	}
	return i.settings, true, nil
}
