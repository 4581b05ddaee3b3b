// Package testnet makes TCP connections whose number and peers a test knows: two
// network namespaces joined by a link, servers that note whom they accepted, and
// bursts of short connections from any number of addresses.
//
//	pair, accepted := testnet.NewPair(t), testnet.NewAccepted()
//	at := testnet.At(testnet.Server4, 4711)
//	accepted.Serve(t, pair.Server, at)
//	made := testnet.Burst{To: at, From: testnet.Addresses("10.66.0.0", 200), N: 10_000}.Run(t, pair.Client)
//	accepted.Settle(t, made)
package testnet
