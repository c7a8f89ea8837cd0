package vestibule

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// Between two attempts to connect: first, and at most.
	firstPause, longestPause = 200 * time.Millisecond, 5 * time.Second
	// After which a connection that ends was a good one: the next attempt needn't wait long.
	goodAfter = 5 * time.Second
	// For which the first token waits until everything is known.
	firstWait = 3 * time.Second
	// Bytes of an event.
	longestEvent = 16 << 20
)

// eventID is what may be sent back in a header: an id isn't signed.
var eventID = regexp.MustCompile(`^[!-~]{1,200}$`)

// subscription hears, over one connection, which tokens have ended.
type subscription struct {
	Revocations
	ctx  context.Context
	uri  string
	read func(ctx context.Context, token string) (*message, error)
	list *revokedList
	// By how much this clock and the gateway's may differ.
	tolerance time.Duration

	begin   sync.Once
	ready   chan struct{}
	isReady sync.Once
	// Nanoseconds since the subscription was made, when the last sign of life came and everything was known; 0: never.
	heardAt atomic.Int64
	// When that sign was issued, in seconds since the epoch.
	issuedAt atomic.Int64
	madeAt   time.Time

	// Of the goroutine that listens alone.
	state  string
	lastID string
	place  place
	// The process that issued the last sign of life.
	issuedBy string
}

// event is a server-sent event (HTML Living Standard, section 9.2); without data, a comment.
type event struct{ id, data string }

func newSubscription(
	ctx context.Context, settings Revocations, uri string, tolerance time.Duration, read func(context.Context, string) (*message, error),
) *subscription {
	now := time.Now()
	return &subscription{
		Revocations: settings, ctx: ctx, uri: uri, read: read, list: newRevokedList(now), ready: make(chan struct{}), madeAt: now,
		tolerance: tolerance,
	}
}

// wait begins to listen, and returns when everything is known, or after a while.
func (s *subscription) wait(ctx context.Context) {
	s.begin.Do(func() {
		time.AfterFunc(firstWait, s.setReady)
		go s.listen()
	})
	select {
	case <-s.ready:
	case <-ctx.Done():
	}
}

func (s *subscription) setReady() { s.isReady.Do(func() { close(s.ready) }) }

// isLost is whether the gateway hasn't been heard for too long.
func (s *subscription) isLost() bool {
	heardAt := time.Duration(s.heardAt.Load())
	return heardAt == 0 || time.Since(s.madeAt)-heardAt > s.LostAfter ||
		// Whatever held it up on its way.
		time.Since(time.Unix(s.issuedAt.Load(), 0)) > s.LostAfter+s.tolerance
}

// listen reads the stream, and connects again whenever it ends, until the guard is closed.
func (s *subscription) listen() {
	defer s.setReady()
	pause := firstPause
	for s.ctx.Err() == nil {
		begun := time.Now()
		err := s.connect()
		if s.ctx.Err() != nil {
			return
		}
		s.tell(err)
		if time.Since(begun) > goodAfter {
			pause = firstPause
		}
		select {
		case <-s.ctx.Done():
		// Some sooner and some later: many services may have lost the same gateway.
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longestPause)
	}
}

// tell calls the listener if the gateway is heard or lost since the last time.
func (s *subscription) tell(err error) {
	state := "heard"
	if s.isLost() {
		state = "lost"
		if err == nil {
			err = errors.New("no sign of life was heard")
		}
	} else {
		err = nil
	}
	if state == s.state {
		return
	}
	s.state = state
	switch {
	case s.OnChange != nil:
		s.OnChange(state, err)
	case state == "lost":
		// A refused key or a wrong address must not go unnoticed: ended sessions would be accepted until their tokens expire.
		slog.Warn("vestibule: ended sessions are not heard of", "error", err)
	}
}

// connect reads one connection to its end.
func (s *subscription) connect() error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	// It ends a connection on which nothing comes that is signed.
	silence := time.AfterFunc(s.LostAfter, func() { cancel(errors.New("nothing was heard")) })
	defer silence.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.uri, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+s.Key)
	known := &progress{lastID: s.lastID, isComplete: s.lastID != ""}
	if known.lastID != "" {
		request.Header.Set("Last-Event-ID", known.lastID)
	}
	// After a connection that brings nothing, or what can't be believed, the next one begins with everything.
	s.lastID = ""
	answer, err := gatewayClient.Do(request)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", s.uri, answer.StatusCode)
	}
	err = readEvents(answer.Body, func(e event) error {
		if err := s.take(ctx, e, known); err != nil {
			return err
		}
		if e.data != "" {
			silence.Reset(s.LostAfter)
		}
		return nil
	})
	return errors.Join(err, context.Cause(ctx))
}

// progress is what one connection has told so far.
type progress struct {
	// The id to name next time.
	lastID string
	// Whether everything is known that the gateway has told until now: who names what it knows is sent what it missed, or else a snapshot.
	isComplete bool
	snapshot   string
	parts      int
	received   map[int]struct{}
}

func (p *progress) add(part *snapshotPart) error {
	if p.received == nil {
		p.isComplete = false
	}
	if part.ID != p.snapshot {
		p.snapshot, p.parts, p.received = part.ID, part.Parts, make(map[int]struct{})
	}
	if part.Parts != p.parts {
		return errors.New("parts of a snapshot that don't belong together")
	}
	p.received[part.Part] = struct{}{}
	p.isComplete = p.isComplete || len(p.received) == p.parts
	return nil
}

func (s *subscription) take(ctx context.Context, e event, known *progress) error {
	if e.data != "" {
		s.lastID = ""
		if err := s.apply(ctx, e.data, known); err != nil {
			return err
		}
		if known.isComplete && eventID.MatchString(e.id) {
			known.lastID = e.id
		}
		s.lastID = known.lastID
	}
	if s.heardAt.Load() == 0 {
		return nil
	}
	s.tell(nil)
	if !s.isLost() {
		s.setReady()
	}
	return nil
}

func (s *subscription) apply(ctx context.Context, token string, known *progress) error {
	m, err := s.read(ctx, token)
	if err != nil {
		return err
	}
	s.list.apply(m, time.Now())
	if m.Snapshot != nil {
		if err := known.add(m.Snapshot); err != nil {
			return err
		}
	}
	if err := s.place.follow(m, known.isComplete); err != nil {
		return err
	}
	if m.Told == nil || m.Snapshot != nil {
		// A part of a snapshot is no sign of life: what it tells is older than its signature.
		return nil
	}
	// Another process has a clock of its own.
	if issuedAt := m.IssuedAt.Unix(); m.Stream != s.issuedBy || issuedAt > s.issuedAt.Load() {
		s.issuedBy = m.Stream
		s.issuedAt.Store(issuedAt)
		s.heardAt.Store(int64(time.Since(s.madeAt)))
	}
	return nil
}

// place is up to where everything is known that one process of the gateway told.
type place struct {
	stream string
	number int64
	// Numbers of messages behind it that have come, and the process that told them.
	received     map[int64]struct{}
	receivedFrom string
}

// follow takes account of a message's place. It returns an error when another message was held back.
func (p *place) follow(m *message, isComplete bool) error {
	if m.Number != nil {
		if p.received == nil || m.Stream != p.receivedFrom {
			p.received, p.receivedFrom = make(map[int64]struct{}), m.Stream
		}
		p.received[*m.Number] = struct{}{}
	}
	if m.Told == nil || (m.Snapshot != nil && !isComplete) {
		return nil
	}
	if m.Snapshot != nil && m.Stream != p.stream {
		p.stream, p.number = m.Stream, *m.Told
	} else if m.Snapshot != nil {
		p.number = max(p.number, *m.Told)
	}
	if p.stream == p.receivedFrom {
		for _, hasNext := p.received[p.number+1]; hasNext; _, hasNext = p.received[p.number+1] {
			p.number++
		}
	}
	if !isComplete || m.Stream != p.stream || p.number < *m.Told {
		return errors.New("a message was held back")
	}
	maps.DeleteFunc(p.received, func(number int64, _ struct{}) bool { return number <= p.number })
	return nil
}

// readEvents reads server-sent events until the stream ends, or an event can't be taken.
func readEvents(body io.Reader, take func(event) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, longestEvent)
	var id string
	var data strings.Builder
	for lines.Scan() {
		line := lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if err := take(event{id, data.String()}); err != nil {
				return err
			}
			id = ""
			data.Reset()
		case name == "id":
			id = value
		case name == "data" && data.Len()+len(value) > longestEvent:
			return bufio.ErrTooLong
		case name == "data":
			data.WriteString(value)
		}
	}
	return lines.Err()
}

func messageParser(issuer string) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithIssuer(issuer), jwt.WithIssuedAt(), jwt.WithLeeway(messageTolerance), jwt.WithStrictDecoding(),
	)
}

// readMessage reads what the gateway tells of revocations.
func (g *Guard) readMessage(ctx context.Context, token string) (*message, error) {
	keys, err := g.keys.get()
	if err != nil {
		return nil, err
	}
	m := &message{}
	_, err = keys.parse(ctx, messageParser(g.options.Issuer), token, "revocations+jwt", m)
	return m, err
}
