package vestibule

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	// For which a message may have been on its way: an older one is a repetition.
	messageAge = 2 * time.Minute
	// By how much the clocks may differ, for messages.
	messageTolerance = time.Minute
	mostParts        = 100_000
	apiKeyClientID   = "api-key"
)

// Revocations are how a guard learns which tokens have ended before their time.
type Revocations struct {
	// Key is an administrator's API key with the scope revocations:read.
	Key string
	// WhenLost is what happens to tokens while the gateway can't be heard: "accept" them until they expire, or "refuse" them with 503.
	// Default: "accept".
	WhenLost string
	// LostAfter is the time without a signed sign of life after which the gateway counts as lost, at least 10 s. Default: 15 s.
	LostAfter time.Duration
	// OnChange is told "heard" when the gateway is heard, and "lost" when it is lost, with what went wrong last. If it is nil, a loss is logged.
	OnChange func(state string, err error)
}

// withDefaults returns the complete settings, or an error for those that can't be.
func (r Revocations) withDefaults() (Revocations, error) {
	if r.WhenLost == "" {
		r.WhenLost = "accept"
	}
	if r.LostAfter == 0 {
		r.LostAfter = 15 * time.Second
	}
	if r.Key == "" || (r.WhenLost != "accept" && r.WhenLost != "refuse") || r.LostAfter < 10*time.Second {
		return r, errors.New(`vestibule: Revocations: set a Key, WhenLost to "accept" or "refuse", and LostAfter to 10 s or more`)
	}
	return r, nil
}

// message is what the gateway tells: it only adds to what earlier messages told, and may be repeated.
type message struct {
	jwt.RegisteredClaims
	// Keep is for how many seconds an ended session matters.
	Keep             *float64  `json:"keep"`
	Ended            *idList   `json:"ended"`
	Changed          *[]change `json:"changed"`
	EverythingBefore *int64    `json:"everything_before"`
	// Snapshot is of a message that is a part of everything.
	Snapshot *snapshotPart `json:"snapshot"`
	// Stream is the process that tells, Number that of a message that tells of something new, and Told that of the last message that a
	// subscriber has been told, once it has this snapshot or sign of life.
	Stream string `json:"stream"`
	Number *int64 `json:"number"`
	Told   *int64 `json:"told"`
}

type snapshotPart struct {
	ID    string `json:"id"`
	Part  int    `json:"part"`
	Parts int    `json:"parts"`
}

// idList are UUIDs, 16 bytes each, in base64url.
type idList []uuid.UUID

func (l *idList) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	bytes, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if len(bytes)%16 != 0 {
		return errors.New("ids have 16 bytes")
	}
	*l = make(idList, len(bytes)/16)
	for index := range *l {
		copy((*l)[index][:], bytes[16*index:])
	}
	return nil
}

// change is a user or an organisation, with the time before which their tokens are outdated, in milliseconds since the epoch.
type change struct {
	id     string
	before int64
}

func (c *change) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errors.New("a change is an id and a time")
	}
	return errors.Join(json.Unmarshal(pair[0], &c.id), json.Unmarshal(pair[1], &c.before))
}

// Validate is called by the library after its own checks.
func (m *message) Validate() error {
	if m.IssuedAt == nil || time.Since(m.IssuedAt.Time) > messageAge+messageTolerance {
		return errors.New("a message of long ago")
	}
	if m.Keep == nil || *m.Keep < 0 || m.Ended == nil || m.Changed == nil || m.EverythingBefore == nil {
		return errors.New("a message of another form")
	}
	if s := m.Snapshot; s != nil && (s.ID == "" || s.Part < 1 || s.Part > s.Parts || s.Parts > mostParts) {
		return errors.New("a part of a snapshot of another form")
	}
	return nil
}

// revokedList is what the gateway has told. Ended sessions are kept in two generations; each is dropped as a whole when none of its
// sessions can have a live token.
type revokedList struct {
	mutex               sync.RWMutex
	ended, endedEarlier map[uuid.UUID]struct{}
	generationStart     time.Time
	changed             map[string]int64
	everythingBefore    int64
}

func newRevokedList(now time.Time) *revokedList {
	return &revokedList{ended: make(map[uuid.UUID]struct{}), changed: make(map[string]int64), generationStart: now}
}

func (l *revokedList) apply(m *message, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.rotate(time.Duration(*m.Keep*float64(time.Second)), now)
	for _, id := range *m.Ended {
		l.ended[id] = struct{}{}
	}
	for _, c := range *m.Changed {
		l.changed[c.id] = max(l.changed[c.id], c.before)
	}
	l.everythingBefore = max(l.everythingBefore, *m.EverythingBefore)
}

func (l *revokedList) rotate(keep time.Duration, now time.Time) {
	if now.Sub(l.generationStart) < keep {
		return
	}
	l.generationStart, l.ended, l.endedEarlier = now, make(map[uuid.UUID]struct{}), l.ended
	for id, before := range l.changed {
		if before <= now.Add(-keep).UnixMilli() {
			delete(l.changed, id)
		}
	}
}

// hasEnded is whether this session or API key was ended by itself.
func (l *revokedList) hasEnded(id string) bool {
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	return l.isEnded(id)
}

func (l *revokedList) isEnded(id string) bool {
	parsed, err := uuid.Parse(id)
	_, isNow := l.ended[parsed]
	_, isEarlier := l.endedEarlier[parsed]
	return err == nil && (isNow || isEarlier)
}

// reasonAgainst returns why a token isn't accepted any more; it is empty for one that is live.
func (l *revokedList) reasonAgainst(c *Claims) string {
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	began := c.SessionID
	// A token exchanged for an API key's or a service's token begins anew each time; a session begins once.
	if c.ClientID == apiKeyClientID || c.SessionID == c.Subject {
		began = c.ID
	}
	if l.isEnded(c.SessionID) || timestampOf(began) < l.everythingBefore {
		return "session_ended"
	}
	changedAt := l.changed[c.Subject]
	if c.Org != nil {
		changedAt = max(changedAt, l.changed[c.Org.ID])
	}
	if timestampOf(c.ID) < changedAt {
		return "token_outdated"
	}
	for actor := c.Actor; actor != nil; actor = actor.Actor {
		readAt := timestampOf(cmp.Or(actor.ID, c.ID))
		if l.isEnded(actor.SessionID) || readAt < l.everythingBefore {
			return "session_ended"
		}
		if readAt < l.changed[actor.Subject] {
			return "token_outdated"
		}
	}
	return ""
}

// timestampOf returns the time in a UUID v7, in milliseconds since the epoch (RFC 9562 section 5.7); 0 for another text.
func timestampOf(id string) int64 {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return 0
	}
	var milliseconds int64
	for _, each := range parsed[:6] {
		milliseconds = milliseconds<<8 | int64(each)
	}
	return milliseconds
}
