// Package foreign is a dependency.
package foreign
