package vestibule_test

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	vestibule "github.com/vestibule-auth/vestibule/packages/go"
)

// states are what a guard has told its listener.
type states struct {
	mutex sync.Mutex
	all   []string
}

func (s *states) add(state string, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if (state == "lost") != (err != nil) {
		state += " without what went wrong"
	}
	s.all = append(s.all, state)
}

func (s *states) are(all ...string) func() bool {
	return func() bool {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return slices.Equal(s.all, all)
	}
}

func TestEndedSessions(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	guard := newGuard(t, g.options())
	before, after, live := newID(), newID(), newID()
	g.tellEverything(map[string]any{"ended": idsOf(newID(), before)})
	tokens := make(map[string]string)
	for sid, want := range map[string]string{before: "session_ended", after: "", live: ""} {
		tokens[sid] = g.token(map[string]any{"sid": sid})
		if got := reasonOf(t, guard, tokens[sid]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	g.tell("x.1", g.message(map[string]any{"ended": idsOf(after)}))
	eventually(t, "the end", func() bool { return reasonOf(t, guard, tokens[after]) == "session_ended" })
	if reason := reasonOf(t, guard, tokens[live]); reason != "" {
		t.Errorf("got %q", reason)
	}
	if count := len(g.connections()); count != 1 {
		t.Errorf("connected %d times", count)
	}
}

func TestOutdatedTokens(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	guard := newGuard(t, g.options())
	user, org, key, early, ended := newID(), newID(), newID(), newID(), newID()
	now := time.Now().Add(time.Second).UnixMilli()
	g.tellEverything(map[string]any{
		"ended": idsOf(ended), "changed": [][]any{{user, now}, {org, now}}, "everything_before": time.Now().Add(-time.Hour).UnixMilli(),
	})
	late := "fffffff" + newID()[7:]
	old := "00000000" + newID()[8:]
	actor := func(members map[string]any) map[string]any {
		all := map[string]any{"sub": newID(), "sid": newID(), "jti": early}
		maps.Copy(all, members)
		return all
	}
	for name, test := range map[string]struct {
		claims map[string]any
		reason string
	}{
		"the user was changed":         {map[string]any{"sub": user, "jti": early}, "token_outdated"},
		"the organisation was changed": {map[string]any{"jti": early, "org": map[string]any{"id": org, "slug": "a", "role": "owner"}}, "token_outdated"},
		"a token of after the change":  {map[string]any{"sub": user, "jti": late}, ""},
		"another user":                 {map[string]any{"jti": early}, ""},
		"a session of long ago":        {map[string]any{"sid": old}, "session_ended"},
		"a key of long ago":            {map[string]any{"sid": old, "client_id": "api-key"}, ""},
		"a service of long ago":        {map[string]any{"sid": old, "sub": old}, ""},
		"a token of a key of long ago": {map[string]any{"sid": key, "jti": old, "client_id": "api-key"}, "session_ended"},
		"an actor":                     {map[string]any{"act": actor(nil)}, ""},
		"a client that acts":           {map[string]any{"act": map[string]any{"sub": "a-client"}}, ""},
		"an actor's key was revoked":   {map[string]any{"act": actor(map[string]any{"sid": ended})}, "session_ended"},
		"an actor of long ago":         {map[string]any{"act": actor(map[string]any{"jti": old})}, "session_ended"},
		"an actor was changed":         {map[string]any{"jti": late, "act": actor(map[string]any{"sub": user})}, "token_outdated"},
		"an actor of after the change": {map[string]any{"jti": early, "act": actor(map[string]any{"sub": user, "jti": late})}, ""},
		"an actor as old as the token": {map[string]any{"jti": early, "act": map[string]any{"sub": user}}, "token_outdated"},
		"an actor as new as the token": {map[string]any{"jti": late, "act": map[string]any{"sub": user}}, ""},
		"a second actor's key":         {map[string]any{"act": actor(map[string]any{"act": actor(map[string]any{"sid": ended})})}, "session_ended"},
		"a third actor was changed": {
			map[string]any{"act": actor(map[string]any{"act": actor(map[string]any{"act": actor(map[string]any{"sub": user})})})},
			"token_outdated",
		},
	} {
		if got := reasonOf(t, guard, g.token(test.claims)); got != test.reason {
			t.Errorf("%s: got %q, want %q", name, got, test.reason)
		}
	}
}

func TestMessagesThatAreNotBelieved(t *testing.T) {
	good := func(g *gateway, sid string) map[string]any {
		return map[string]any{"ended": idsOf(sid), "snapshot": part(newID(), 1, 1)}
	}
	with := func(members map[string]any) func(*gateway, string) string {
		return func(g *gateway, sid string) string {
			all := good(g, sid)
			maps.Copy(all, members)
			return g.message(all)
		}
	}
	for name, make := range map[string]func(*gateway, string) string{
		"an access token": func(g *gateway, sid string) string { return g.sign("at+jwt", g.content(good(g, sid))) },
		"of another key": func(g *gateway, sid string) string {
			other := newGateway(t)
			all := good(g, sid)
			all["iss"] = g.server.URL
			return other.message(all)
		},
		"tampered": func(g *gateway, sid string) string {
			parts := strings.Split(g.message(good(g, sid)), ".")
			return parts[0] + "." + parts[1] + "." + strings.Split(g.message(nil), ".")[2]
		},
		"of another issuer":            with(map[string]any{"iss": "https://evil.example"}),
		"of long ago":                  with(map[string]any{"iat": time.Now().Add(-4 * time.Minute).Unix()}),
		"of the future":                with(map[string]any{"iat": time.Now().Add(2 * time.Minute).Unix()}),
		"without a time":               with(map[string]any{"iat": nil}),
		"with ids of another form":     with(map[string]any{"ended": 7}),
		"with half an id":              with(map[string]any{"ended": "AAAA"}),
		"without changes":              with(map[string]any{"changed": nil}),
		"with half a change":           with(map[string]any{"changed": [][]any{{newID()}}}),
		"without a time of everything": with(map[string]any{"everything_before": nil}),
		"without a time to keep":       with(map[string]any{"keep": nil}),
		"part 0":                       with(map[string]any{"snapshot": part("x", 0, 1)}),
		"part 2 of 1":                  with(map[string]any{"snapshot": part("x", 2, 1)}),
		"a part of a text":             with(map[string]any{"snapshot": part("x", 1, 1<<40)}),
		"a part of no snapshot":        with(map[string]any{"snapshot": part("", 1, 1)}),
		"no JWS":                       func(*gateway, string) string { return "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			guard := newGuard(t, g.options())
			sid := newID()
			token := g.token(map[string]any{"sid": sid})
			g.tell("x.9", make(g, sid))
			// What comes next isn't read on a connection that told what can't be believed.
			eventually(t, "another connection", func() bool {
				return reasonOf(t, guard, token) == "" && len(g.connections()) > 1
			})
			g.tell("x.1", g.message(good(g, sid)))
			eventually(t, "the end", func() bool { return reasonOf(t, guard, token) == "session_ended" })
			if slices.Contains(g.connections(), "x.9") {
				t.Error("the id of a message that wasn't applied was named")
			}
		})
	}
}

func TestSnapshotInParts(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	options := g.options()
	heard := &states{}
	options.Revocations.WhenLost, options.Revocations.OnChange = "refuse", heard.add
	guard := newGuard(t, options)
	token := g.token(nil)
	old, id, sid := newID(), newID(), newID()
	g.tell("", g.message(map[string]any{"snapshot": part(old, 2, 3)}))
	g.tell("", g.message(map[string]any{"snapshot": part(id, 1, 3)}))
	g.tell("", g.message(map[string]any{"ended": idsOf(newID())}))
	g.tell("", g.message(map[string]any{"snapshot": part(id, 3, 3), "ended": idsOf(sid)}))
	g.tell("", g.message(map[string]any{"snapshot": part(id, 3, 3)}))
	g.events <- ":\n\n"
	eventually(t, "a part", func() bool { return reasonOf(t, guard, token) == "revocations_lost" && len(g.events) == 0 })
	if !heard.are()() {
		t.Fatal("heard without a part")
	}
	g.tell("x.5", g.message(map[string]any{"snapshot": part(id, 2, 3), "stream": "a", "told": 0}))
	eventually(t, "the last part", func() bool { return reasonOf(t, guard, token) == "revocations_lost" && len(g.events) == 0 })
	if !heard.are()() {
		t.Fatal("heard without a sign of life")
	}
	g.tell("", g.signOfLife("a", 0, nil))
	eventually(t, "the sign of life", func() bool { return reasonOf(t, guard, token) == "" })
	if reason := reasonOf(t, guard, g.token(map[string]any{"sid": sid})); reason != "session_ended" {
		t.Errorf("got %q", reason)
	}
	g.setDown(false)
	eventually(t, "another connection", func() bool { return slices.Equal(g.connections(), []string{"", "x.5"}) })

	// A snapshot that is broken off says nothing, and its id isn't named, although that of before is.
	g.tell("", g.message(map[string]any{"snapshot": part("broken", 1, 2)}))
	eventually(t, "the part", func() bool { return len(g.events) == 0 })
	g.setDown(false)
	eventually(t, "another connection", func() bool { return slices.Equal(g.connections(), []string{"", "x.5", "x.5"}) })
	// Parts of two connections make no snapshot: between them, something may have been missed.
	g.tell("x.6", g.message(map[string]any{"snapshot": part("broken", 2, 2)}))
	eventually(t, "the part", func() bool { return len(g.events) == 0 })
	g.setDown(false)
	eventually(t, "another connection", func() bool { return slices.Equal(g.connections(), []string{"", "x.5", "x.5", "x.5"}) })
	// Parts of another count are none.
	g.tell("", g.message(map[string]any{"snapshot": part("odd", 1, 3)}))
	g.tell("x.7", g.message(map[string]any{"snapshot": part("odd", 2, 2)}))
	eventually(t, "another connection", func() bool { return slices.Equal(g.connections(), []string{"", "x.5", "x.5", "x.5", ""}) })
	if !heard.are("heard")() {
		t.Fatal("it wasn't lost")
	}
}

func TestGatewayThatIsLost(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	options, accepting := g.options(), g.options()
	heard := &states{}
	options.Revocations.WhenLost, options.Revocations.LostAfter, options.Revocations.OnChange = "refuse", 10*time.Second, heard.add
	guard := newGuard(t, options)
	token := g.token(nil)
	g.tellEverything(nil)
	if reason := reasonOf(t, guard, token); reason != "" {
		t.Fatalf("got %q", reason)
	}
	g.setDown(true)
	answer := ask(guard.Protect(hello), token)
	eventually(t, "the silence to be noticed", func() bool {
		answer = ask(guard.Protect(hello), token)
		return answer.Code != http.StatusOK
	})
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "1" || !strings.Contains(answer.Body.String(), "revocations_unknown") {
		t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
	eventually(t, "the listener", heard.are("heard", "lost"))
	other := newGuard(t, accepting)
	if reason := reasonOf(t, other, token); reason != "" {
		t.Fatalf("got %q", reason)
	}
	other.Close()
	g.setDown(false)
	g.tellEverything(nil)
	eventually(t, "the gateway", func() bool { return reasonOf(t, guard, token) == "" })
	eventually(t, "the listener", heard.are("heard", "lost", "heard"))
}

// Whoever sits between the gateway and the guard may hold back what it likes, and repeat what it has seen.
func TestSignsOfLifeThatAreNone(t *testing.T) {
	t.Parallel()
	const comment = ":\n\n"
	eventOf := func(message string) string { return "event: revocations\ndata: " + message + "\n\n" }
	for name, make := range map[string]func(*gateway) func() string{
		"comments": func(*gateway) func() string { return func() string { return comment } },
		"the same one again": func(g *gateway) func() string {
			event := eventOf(g.signOfLife("a", 0, nil))
			return func() string { return event }
		},
		"messages that tell of something new": func(g *gateway) func() string {
			number := 0
			return func() string {
				number++
				return eventOf(g.message(map[string]any{"stream": "a", "number": number}))
			}
		},
		"messages of everything": func(g *gateway) func() string {
			return func() string {
				return eventOf(g.message(map[string]any{"snapshot": part(newID(), 1, 1), "stream": "a", "told": 0}))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			options := g.options()
			options.Revocations.WhenLost, options.Revocations.LostAfter = "refuse", 10*time.Second
			guard := newGuard(t, options)
			token := g.token(nil)
			g.tellEverything(map[string]any{"stream": "a", "told": 0})
			if reason := reasonOf(t, guard, token); reason != "" {
				t.Fatalf("got %q", reason)
			}
			next, ticker := make(g), time.NewTicker(200*time.Millisecond)
			defer ticker.Stop()
			eventually(t, "the loss", func() bool {
				select {
				case <-ticker.C:
					g.events <- next()
				default:
				}
				return reasonOf(t, guard, token) == "revocations_lost"
			})
		})
	}
}

func TestSignsOfLifeOfAMinuteAgo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	options := g.options()
	options.Revocations.WhenLost = "refuse"
	ago := map[string]any{"iat": time.Now().Add(-time.Minute).Unix(), "stream": "a", "told": 0}
	g.tellEverything(ago)
	if reason := reasonOf(t, newGuard(t, options), g.token(nil)); reason != "revocations_lost" {
		t.Fatalf("got %q", reason)
	}
	if len(g.events) != 0 || len(g.connections()) != 1 {
		t.Error("they weren't read")
	}
}

func TestSignsOfLifeKeepTheGatewayHeard(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	options := g.options()
	heard := &states{}
	options.Revocations.WhenLost, options.Revocations.LostAfter, options.Revocations.OnChange = "refuse", 10*time.Second, heard.add
	guard := newGuard(t, options)
	token, begun := g.token(nil), time.Now()
	g.tellEverything(map[string]any{"stream": "a", "told": 0})
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	eventually(t, "more than the time after which it is lost", func() bool {
		select {
		case <-ticker.C:
			g.tell("", g.signOfLife("a", 0, nil))
		default:
		}
		if reason := reasonOf(t, guard, token); reason != "" {
			t.Fatalf("got %q", reason)
		}
		return time.Since(begun) > 14*time.Second
	})
	if !heard.are("heard")() || len(g.connections()) != 1 {
		t.Errorf("got %v, %d connections", heard.all, len(g.connections()))
	}
}

func TestMessagesThatAreHeldBackAreNoticed(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	guard := newGuard(t, g.options())
	sid := newID()
	token := g.token(map[string]any{"sid": sid})
	at := func(number int) string { return g.message(map[string]any{"stream": "a", "number": number}) }
	// What is told while a snapshot is sent comes before its end, in any order.
	g.tell("", at(9))
	g.tell("", at(8))
	g.tellEverything(map[string]any{"stream": "a", "told": 7})
	g.tell("x.10", at(10))
	g.tell("", g.signOfLife("a", 10, nil))
	g.tell("", g.signOfLife("a", 9, nil))
	if reason := reasonOf(t, guard, token); reason != "" {
		t.Fatalf("got %q", reason)
	}
	eventually(t, "the messages", func() bool { return len(g.events) == 0 })
	g.setDown(false)
	eventually(t, "another connection", func() bool { return slices.Equal(g.connections(), []string{"", "x.10"}) })
	// Number 11 is missing.
	g.tell("x.12", at(12))
	g.tell("", g.signOfLife("a", 12, nil))
	eventually(t, "a connection that begins with everything", func() bool { return slices.Equal(g.connections(), []string{"", "x.10", ""}) })
	g.tellEverything(map[string]any{"stream": "a", "told": 12, "ended": idsOf(sid)})
	eventually(t, "the end", func() bool { return reasonOf(t, guard, token) == "session_ended" })
	// Another process has told other messages.
	g.tell("", g.signOfLife("b", 12, nil))
	eventually(t, "another connection", func() bool { return len(g.connections()) == 4 })
}

func TestIDsThatNoHeaderCanHave(t *testing.T) {
	g := newGateway(t)
	guard := newGuard(t, g.options())
	for _, id := range []string{"x.1", "x\x01", "é", strings.Repeat("x", 10_000)} {
		g.tell(id, g.message(map[string]any{"snapshot": part(newID(), 1, 1)}))
	}
	reasonOf(t, guard, g.token(nil))
	eventually(t, "the messages", func() bool { return len(g.events) == 0 })
	g.setDown(false)
	eventually(t, "another connection", func() bool { return slices.Equal(g.connections(), []string{"", "x.1"}) })
}

func TestIDThatIsRefused(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	guard := newGuard(t, g.options())
	sid := newID()
	token := g.token(map[string]any{"sid": sid})
	g.tellEverything(nil)
	if reason := reasonOf(t, guard, token); reason != "" {
		t.Fatalf("got %q", reason)
	}
	g.refuse("x.0")
	eventually(t, "a connection that begins with everything", func() bool { return slices.Equal(g.connections(), []string{"", "x.0", ""}) })
	g.tellEverything(map[string]any{"ended": idsOf(sid)})
	eventually(t, "the end", func() bool { return reasonOf(t, guard, token) == "session_ended" })
}

func TestStreamThatSendsNothingOrNoEnd(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "a line without an end": "data: " + strings.Repeat("x", 20<<20)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			options := g.options()
			options.Revocations.LostAfter = 10 * time.Second
			guard := newGuard(t, options)
			g.events <- text
			begun := time.Now()
			if reason := reasonOf(t, guard, g.token(nil)); reason != "" {
				t.Fatalf("got %q", reason)
			}
			if waited := time.Since(begun); waited < 2*time.Second {
				t.Errorf("the first token waited for %v", waited)
			}
			eventually(t, "another connection", func() bool { return len(g.connections()) > 1 })
		})
	}
}

func TestMessagesOfNewKeys(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	guard := newGuard(t, g.options())
	sid := newID()
	token := g.token(map[string]any{"sid": sid})
	g.tellEverything(nil)
	if reason := reasonOf(t, guard, token); reason != "" {
		t.Fatalf("got %q", reason)
	}
	g.rotate("second")
	g.tell("x.1", g.message(map[string]any{"ended": idsOf(sid)}))
	eventually(t, "the end", func() bool { return reasonOf(t, guard, token) == "session_ended" })
}

func TestCloseEndsTheConnection(t *testing.T) {
	g := newGateway(t)
	listening := func() int {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "(*subscription).listen(")
	}
	eventually(t, "the goroutines of other tests to end", func() bool { return listening() == 0 })
	guard := newGuard(t, g.options())
	g.tellEverything(nil)
	reasonOf(t, guard, g.token(nil))
	if listening() != 1 {
		t.Fatal("it doesn't listen")
	}
	guard.Close()
	eventually(t, "the goroutine to end", func() bool { return listening() == 0 })
	if count := len(g.connections()); count != 1 {
		t.Errorf("connected %d times", count)
	}
}

func TestRevocationOptions(t *testing.T) {
	g := newGateway(t)
	for _, revocations := range []vestibule.Revocations{{}, {Key: "x", WhenLost: "ignore"}, {Key: "x", LostAfter: time.Second}} {
		options := g.options()
		options.Revocations = &revocations
		if _, err := vestibule.New(options); err == nil {
			t.Errorf("%+v should be an error", revocations)
		}
	}
}
