package target

import (
	"github.com/carillon-s3/carillon/internal/config"
)

// Kind describes one kind of target: everything that configuration, delivery,
// help and the console need to know of it. Kinds are values, made by New and
// listed in package all.
type Kind struct {
	// Name names the sub-system: notify_<Name>.
	Name string
	// ARNType is the last field of its ARNs: the Name, but for postgres.
	ARNType string
	// Description is the sub-system's line in help.
	Description string
	// New returns a pointer to zero settings of the kind.
	New func() config.Settings
	// Traits says how delivery may use a target with these settings, which New
	// made.
	Traits func(config.Settings) Traits
	// Queue returns the two settings that all kinds share.
	Queue func(config.Settings) config.Queue
	// Open returns a target for settings that New made and that are valid. It
	// connects to nothing and does not block; it fails only for what Validate
	// cannot know (a certificate file that is not there).
	Open func(config.Settings, Env) (Target, error)
}

// SubSystem is the declaration of the kind's settings.
func (k Kind) SubSystem() config.SubSystem {
	return config.SubSystem{
		Name:        "notify_" + k.Name,
		Description: k.Description,
		Multiple:    true,
		New:         k.New,
	}
}

// Settings is a pointer to the settings type S of a kind, which embeds
// config.Queue and Form.
type Settings[S any] interface {
	*S
	config.Settings
	QueueSettings() config.Queue
	BodyOf(own Body) Body
}

// Definition declares a kind in terms of its own settings type.
type Definition[S any, P Settings[S]] struct {
	// Name, ARNType and Description: see Kind. An empty ARNType is the Name.
	Name, ARNType, Description string
	Traits                     func(P) Traits
	Open                       func(P, Env) (Target, error)
}

// New makes a Kind, so that no kind asserts types:
//
//	func Kind() target.Kind {
//		return target.New(target.Definition[Settings, *Settings]{ ... })
//	}
func New[S any, P Settings[S]](d Definition[S, P]) Kind {
	if d.ARNType == "" {
		d.ARNType = d.Name
	}
	// The assertions hold because settings come from New below, see Kind.
	return Kind{
		Name:        d.Name,
		ARNType:     d.ARNType,
		Description: d.Description,
		New:         func() config.Settings { return P(new(S)) },
		Traits: func(s config.Settings) Traits {
			t := d.Traits(s.(P))
			t.Body = s.(P).BodyOf(t.Body)
			return t
		},
		Queue: func(s config.Settings) config.Queue { return s.(P).QueueSettings() },
		Open:  func(s config.Settings, env Env) (Target, error) { return d.Open(s.(P), env) },
	}
}
