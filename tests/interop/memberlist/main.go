// A member of a ring on hashicorp/memberlist, for tests: what the other implementation sees and sends.
//
// Prints one JSON object a line: {"event":"join","name":"b","addr":"127.0.0.1:7946"} for "join", "leave" and "update",
// {"event":"members","members":[...]} after the command "members", {"event":"message","data":"<hex>"} for a user message,
// {"event":"packet","to":"<address>","data":"<hex>"} for each datagram with -dump, {"event":"stream","data":"<hex>"} for what
// is written to a stream with -dump, and {"event":"done"} or {"event":"error","error":"..."} after every other command.
//
// Commands, one a line on standard input: members · join ADDRESS · leave · send NAME HEX · meta HEX · addkey BASE64 ·
// usekey BASE64 · removekey BASE64. It ends with its standard input, without saying goodbye.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

type line struct {
	Event   string   `json:"event"`
	Name    string   `json:"name,omitempty"`
	Addr    string   `json:"addr,omitempty"`
	To      string   `json:"to,omitempty"`
	Meta    string   `json:"meta,omitempty"`
	Data    string   `json:"data,omitempty"`
	Error   string   `json:"error,omitempty"`
	Members []string `json:"members,omitempty"`
}

var output sync.Mutex

func say(l line) {
	output.Lock()
	defer output.Unlock()
	// Nobody is left to read it when this fails.
	_ = json.NewEncoder(os.Stdout).Encode(l)
}

func answer(err error) {
	if err != nil {
		say(line{Event: "error", Error: err.Error()})
		return
	}
	say(line{Event: "done"})
}

// node tells its events and keeps its metadata.
type node struct {
	sync.Mutex
	meta []byte
}

func (n *node) NodeMeta(limit int) []byte {
	n.Lock()
	defer n.Unlock()
	return n.meta
}
func (n *node) NotifyMsg(data []byte)                      { say(line{Event: "message", Data: hex.EncodeToString(data)}) }
func (n *node) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (n *node) LocalState(join bool) []byte                { return nil }
func (n *node) MergeRemoteState(data []byte, join bool)    {}

func (n *node) NotifyJoin(m *memberlist.Node)   { n.event("join", m) }
func (n *node) NotifyLeave(m *memberlist.Node)  { n.event("leave", m) }
func (n *node) NotifyUpdate(m *memberlist.Node) { n.event("update", m) }
func (n *node) event(event string, m *memberlist.Node) {
	say(line{Event: event, Name: m.Name, Addr: m.Address(), Meta: hex.EncodeToString(m.Meta)})
}

// dumping tells every datagram and everything written to a stream, in their final form.
type dumping struct{ *memberlist.NetTransport }

func (d dumping) WriteToAddress(data []byte, to memberlist.Address) (time.Time, error) {
	say(line{Event: "packet", To: to.Addr, Data: hex.EncodeToString(data)})
	return d.NetTransport.WriteToAddress(data, to)
}

func (d dumping) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	conn, err := d.NetTransport.DialAddressTimeout(to, timeout)
	return dumpingConn{conn}, err
}

type dumpingConn struct{ net.Conn }

func (d dumpingConn) Write(data []byte) (int, error) {
	say(line{Event: "stream", Data: hex.EncodeToString(data)})
	return d.Conn.Write(data)
}

func decodeKey(text string) []byte {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		log.Fatalf("the key is not base64: %v", err)
	}
	return key
}

func main() {
	name := flag.String("name", "go", "name of the node")
	bind := flag.String("bind", "127.0.0.1", "address")
	port := flag.Int("port", 0, "port, 0 for any")
	keys := flag.String("keys", "", "base64 keys, separated by commas; the first encrypts")
	join := flag.String("join", "", "addresses to join, separated by commas")
	label := flag.String("label", "", "label of the ring")
	meta := flag.String("meta", "", "metadata, hex")
	compress := flag.Bool("compress", true, "compress")
	verify := flag.Bool("verify", true, "refuse plaintext where there is a key, and encrypt")
	protocol := flag.Int("protocol", 2, "protocol version")
	probe := flag.Duration("probe", time.Second, "time between probes; its half is the timeout")
	dump := flag.Bool("dump", false, "tell all that is sent")
	verbose := flag.Bool("verbose", false, "log to standard error")
	flag.Parse()

	self := &node{}
	self.meta, _ = hex.DecodeString(*meta)
	config := memberlist.DefaultLANConfig()
	config.Name, config.BindAddr, config.BindPort = *name, *bind, *port
	config.AdvertisePort = *port
	config.EnableCompression, config.Label = *compress, *label
	config.GossipVerifyIncoming, config.GossipVerifyOutgoing = *verify, *verify
	config.ProtocolVersion = uint8(*protocol)
	config.ProbeInterval, config.ProbeTimeout = *probe, *probe/2
	config.Delegate, config.Events = self, self
	config.LogOutput = io.Discard
	if *verbose {
		config.LogOutput = os.Stderr
	}
	if *keys != "" {
		var ring [][]byte
		for _, text := range strings.Split(*keys, ",") {
			ring = append(ring, decodeKey(text))
		}
		keyring, err := memberlist.NewKeyring(ring, ring[0])
		if err != nil {
			log.Fatal(err)
		}
		config.Keyring = keyring
	}
	transport, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
		BindAddrs: []string{*bind}, BindPort: *port, Logger: log.New(config.LogOutput, "", 0),
	})
	if err != nil {
		log.Fatal(err)
	}
	config.BindPort = transport.GetAutoBindPort()
	config.AdvertisePort = config.BindPort
	config.Transport = transport
	if *dump {
		config.Transport = dumping{transport}
	}
	list, err := memberlist.Create(config)
	if err != nil {
		log.Fatal(err)
	}
	say(line{Event: "ready", Name: *name, Addr: list.LocalNode().Address()})
	if *join != "" {
		_, err := list.Join(strings.Split(*join, ","))
		answer(err)
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		command(list, config, self, strings.Fields(input.Text()))
	}
}

func command(list *memberlist.Memberlist, config *memberlist.Config, self *node, words []string) {
	if len(words) == 0 {
		return
	}
	switch verb := words[0]; {
	case verb == "members":
		members := []string{}
		for _, member := range list.Members() {
			members = append(members, member.Name)
		}
		say(line{Event: "members", Members: members})
	case verb == "leave":
		answer(list.Leave(time.Second))
	case verb == "join" && len(words) == 2:
		_, err := list.Join(words[1:])
		answer(err)
	case verb == "send" && len(words) == 3:
		answer(send(list, words[1], words[2]))
	case verb == "meta" && len(words) == 2:
		self.Lock()
		self.meta, _ = hex.DecodeString(words[1])
		self.Unlock()
		answer(list.UpdateNode(time.Second))
	case verb == "addkey" && len(words) == 2:
		answer(config.Keyring.AddKey(decodeKey(words[1])))
	case verb == "usekey" && len(words) == 2:
		answer(config.Keyring.UseKey(decodeKey(words[1])))
	case verb == "removekey" && len(words) == 2:
		answer(config.Keyring.RemoveKey(decodeKey(words[1])))
	default:
		answer(fmt.Errorf("unknown command %q", words))
	}
}

func send(list *memberlist.Memberlist, name, data string) error {
	message, err := hex.DecodeString(data)
	if err != nil {
		return err
	}
	for _, member := range list.Members() {
		if member.Name == name {
			return list.SendBestEffort(member, message)
		}
	}
	return fmt.Errorf("no member %q", name)
}
