// Package brokertest starts the real brokers and databases that targets are tested
// against, each in a folder and on loopback ports of its own: fresh, with the
// durability that its users run it with. Nothing here stands in for a broker.
//
// A broker is a Process: it can be killed, frozen, thawed, and started again
// with what it keeps. It ends with the test that started it. What a machine
// lacks fails the test and says how to get it.
package brokertest
