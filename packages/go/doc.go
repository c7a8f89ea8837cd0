// Package vestibule guards the handlers of a net/http server with the tokens of a Vestibule gateway, without a round trip.
//
// Make one [Guard] with [New] and keep it: it holds the gateway's keys.
package vestibule
