package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The prefixes of the environment's names. Carillon's own wins.
const (
	prefixCarillon = "CARILLON_"
	prefixMinIO    = "MINIO_"
)

// Env is an environment: values by name. A variable that is empty counts as
// not set, because container tools pass such ones on.
type Env map[string]string

// ParseEnv makes an Env of lines as os.Environ returns them.
func ParseEnv(environ []string) Env {
	env := make(Env, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

// Lookup returns the value of CARILLON_name or, without it, MINIO_name, and the
// variable's full name. White space around a value is dropped: files that are
// read into variables end with a newline.
func (e Env) Lookup(name string) (value, variable string, ok bool) {
	for _, prefix := range []string{prefixCarillon, prefixMinIO} {
		if value := strings.TrimSpace(e[prefix+name]); value != "" {
			return value, prefix + name, true
		}
	}
	return "", "", false
}

// lookup returns what the environment says about one field of an instance.
func (e Env) lookup(s *schema, f *Field, target string) (value, variable string, ok bool) {
	for _, key := range f.envKeys() {
		if value, variable, ok := e.Lookup(envName(s.Name, key, target)); ok {
			return value, variable, true
		}
	}
	return "", "", false
}

// envKeys are the spellings of f in the environment, the best first.
func (f *Field) envKeys() []string {
	keys := []string{f.EnvKey}
	if regular := strings.ToUpper(f.Key); regular != f.EnvKey {
		keys = append(keys, regular)
	}
	for _, a := range f.Aliases {
		keys = append(keys, strings.ToUpper(a))
	}
	return keys
}

// envName is the name of a variable without MINIO_ or CARILLON_.
func envName(subSystem, key, target string) string {
	name := strings.ToUpper(subSystem) + "_" + key
	if target != DefaultTarget {
		name += "_" + target
	}
	return name
}

// targets returns the instances of s that the environment makes: those that
// have an ENABLE variable.
func (e Env) targets(s *schema) []string {
	if s.AlwaysOn {
		return nil
	}
	enable := strings.ToUpper(s.Name + "_" + keyEnable)
	found := make(map[string]bool)
	for variable := range e {
		name, ok := trimPrefix(variable)
		if !ok || strings.TrimSpace(e[variable]) == "" {
			continue
		}
		if name == enable {
			found[DefaultTarget] = true
		}
		target, ok := strings.CutPrefix(name, enable+"_")
		if ok && s.Multiple && target != "" && target != DefaultTarget && checkTarget(target) == nil {
			found[target] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func trimPrefix(variable string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(variable, prefixCarillon); ok {
		return name, true
	}
	return strings.CutPrefix(variable, prefixMinIO)
}

// Unknown returns a sentence for each variable that begins with MINIO_ or
// CARILLON_ and says nothing to this server, with the nearest name that would.
// known are the names, without prefix, that are read elsewhere (ROOT_USER). An
// instance's variables count as known if they have its name at their end, or if
// there is no such instance but the ENABLE variable alone is missing: then the
// sentence says so. The values of variables are in no sentence.
func (r *Registry) Unknown(env Env, known []string, instances []Instance) []string {
	candidates := r.envNames(instances)
	for _, name := range known {
		candidates[name] = true
	}
	names := slices.Sorted(maps.Keys(candidates))
	var sentences []string
	for _, variable := range slices.Sorted(maps.Keys(env)) {
		name, ok := trimPrefix(variable)
		if !ok || candidates[name] {
			continue
		}
		prefix := strings.TrimSuffix(variable, name)
		sentence := "the environment variable " + variable + " is not known and ignored"
		if enable := r.missingEnable(name); enable != "" {
			sentence = "the environment variable " + variable + " is ignored: without " + prefix + enable + " there is no such instance"
		} else if near := nearest(name, names); near != "" {
			sentence += ", did you mean " + prefix + near + "?"
		}
		sentences = append(sentences, sentence)
	}
	return sentences
}

// envNames are the names of all fields of the default and of all given
// instances.
func (r *Registry) envNames(instances []Instance) map[string]bool {
	names := make(map[string]bool)
	for _, s := range r.schemas {
		s.addEnvNames(names, DefaultTarget)
	}
	for _, i := range instances {
		if s := r.find(i.SubSystem); s != nil {
			s.addEnvNames(names, i.Target)
		}
	}
	return names
}

func (s *schema) addEnvNames(names map[string]bool, target string) {
	for _, f := range s.fields.fields {
		for _, key := range f.envKeys() {
			names[envName(s.Name, key, target)] = true
		}
	}
}

// missingEnable returns the ENABLE variable that would make name the field of
// an instance, or "".
func (r *Registry) missingEnable(name string) string {
	for _, s := range r.schemas {
		if !s.Multiple || s.AlwaysOn {
			continue
		}
		for _, f := range s.fields.fields {
			for _, key := range f.envKeys() {
				target, ok := strings.CutPrefix(name, envName(s.Name, key, DefaultTarget)+"_")
				if ok && target != "" && f.Key != keyEnable {
					return envName(s.Name, strings.ToUpper(keyEnable), target)
				}
			}
		}
	}
	return ""
}

// ParseEnvFile reads the file that MINIO_CONFIG_ENV_FILE names: lines
// `NAME=value`, with `export` before them or not, values quoted or not, # for
// comments. Its variables override those of the process.
func ParseEnvFile(text string) (Env, error) {
	env := make(Env)
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		line = strings.TrimSpace(strings.TrimPrefix(line, "export "))
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("line %d is not NAME=value", number)
		}
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && isQuote(value[0]) && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		env[name] = value
	}
	return env, nil
}
