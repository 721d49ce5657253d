package config

import "strings"

// Help is what `mc admin config set ALIAS subsys` prints. The client refuses
// members that it does not know, so there are no others.
type Help struct {
	SubSystem       string    `json:"subSys"`
	Description     string    `json:"description"`
	MultipleTargets bool      `json:"multipleTargets"`
	Keys            []KeyHelp `json:"keysHelp"`
}

// KeyHelp is the help of one key or, in the list of all, one sub-system.
type KeyHelp struct {
	Key             string `json:"key"`
	Type            string `json:"type"`
	Description     string `json:"description"`
	Optional        bool   `json:"optional"`
	MultipleTargets bool   `json:"multipleTargets"`
}

// Help returns the help of a sub-system or, if it is empty, the list of all of
// them. A key narrows it to enable and that key; env gives the keys as names of
// the environment.
func (r *Registry) Help(subSystem, key string, env bool) (Help, error) {
	if subSystem == "" {
		return r.helpAll(), nil
	}
	name, _, _ := splitHead(subSystem)
	schema, err := r.lookup(name)
	if err != nil {
		return Help{}, &Error{Code: Malformed, Problems: []error{err}}
	}
	if key != "" && schema.fields.find(key) == nil {
		return Help{}, &Error{Code: Malformed, Problems: []error{unknownKey(key, schema.fields.keys())}}
	}
	h := Help{SubSystem: schema.Name, Description: schema.Description, MultipleTargets: schema.Multiple}
	for _, f := range schema.fields.fields {
		asked := key == "" || f.Key == keyEnable || schema.fields.find(key) == f
		if !asked || !f.current() {
			continue
		}
		k := KeyHelp{Key: f.Key, Type: f.Type, Description: f.Help, Optional: !f.Required}
		if env {
			k.Key = prefixMinIO + envName(schema.Name, f.EnvKey, DefaultTarget)
		}
		h.Keys = append(h.Keys, k)
	}
	return h, nil
}

func (r *Registry) helpAll() Help {
	h := Help{Keys: []KeyHelp{}}
	for _, s := range r.schemas {
		h.Keys = append(h.Keys, KeyHelp{
			Key: strings.ToLower(s.Name), Description: s.Description, Optional: true, MultipleTargets: s.Multiple,
		})
	}
	return h
}
