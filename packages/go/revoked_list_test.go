package vestibule

import (
	"crypto/rand"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
)

func messageOf(keep float64, ended idList, changed ...change) *message {
	var never int64
	return &message{Keep: &keep, Ended: &ended, Changed: &changed, EverythingBefore: &never}
}

func TestWhatEndedLongAgoIsDropped(t *testing.T) {
	now := time.Now()
	list := newRevokedList(now)
	first, second, user := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), "a user"
	list.apply(messageOf(600, idList{first}, change{user, now.UnixMilli()}), now)
	list.apply(messageOf(600, idList{second}), now.Add(700*time.Second))
	if !list.hasEnded(first.String()) || !list.hasEnded(second.String()) {
		t.Fatal("it was dropped too early")
	}
	if len(list.changed) != 0 {
		t.Error("a change of long ago is kept")
	}
	list.apply(messageOf(600, nil), now.Add(1400*time.Second))
	if list.hasEnded(first.String()) || !list.hasEnded(second.String()) {
		t.Fatal("one generation should be dropped, and the other kept")
	}
}

func TestAMillionEndedSessions(t *testing.T) {
	const parts, each = 50, 20_000
	list := newRevokedList(time.Now())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var last uuid.UUID
	for range parts {
		ended := make(idList, each)
		for index := range ended {
			_, _ = rand.Read(ended[index][:])
		}
		last = ended[each-1]
		list.apply(messageOf(600, ended), time.Now())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := (after.HeapAlloc - before.HeapAlloc) >> 20; used > 80 {
		t.Errorf("%d MiB are used", used)
	} else {
		t.Logf("%d MiB are used", used)
	}
	if !list.hasEnded(last.String()) || list.hasEnded(uuid.NewString()) {
		t.Error("it doesn't know what it was told")
	}
}
