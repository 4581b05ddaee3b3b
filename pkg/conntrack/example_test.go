package conntrack_test

import (
	"context"
	"fmt"
	"os"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
)

// How full the table is, without privilege.
func ExampleReadTable() {
	table, err := conntrack.ReadTable(os.DirFS("/proc"))
	if err != nil {
		fmt.Println(err) // says what would load the tracker
		return
	}
	if percent, ok := table.UsedPercent(); ok {
		fmt.Printf("%d of %d: %.1f %%\n", table.Used, table.Max, percent)
	}
}

// How many established connections there are to port 443, by their sources.
func ExampleClient_Dump() {
	filter := conntrack.Filter{
		Protocols: []conntrack.Protocol{conntrack.TCP},
		States:    conntrack.SetOfStates(conntrack.StateEstablished),
		DstPorts:  []conntrack.PortRange{{First: 443, Last: 443}},
	}
	bySource := map[string]int{}
	err := conntrack.New(conntrack.Config{}).Dump(context.Background(), &filter, func(f *conntrack.Flow) error {
		bySource[f.Original.Src.String()]++
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}

// A line for each new flow until the context ends.
func ExampleSubscription_Receive() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sub, err := conntrack.New(conntrack.Config{}).Subscribe(conntrack.SubscribeConfig{
		Types:  conntrack.EventNew,
		OnLoss: func(l conntrack.Loss) error { fmt.Println(&conntrack.LossError{Loss: l}); return nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	err = sub.Receive(ctx, func(e *conntrack.Event) error {
		fmt.Println(e.Time, e.Flow.Protocol, e.Flow.Original.Src, e.Flow.Original.Dst)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}
