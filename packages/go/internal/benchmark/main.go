// Command benchmark is the server that bench/packages.mjs measures: a handler without a guard at /open, and behind one at /guarded.
package main

import (
	"log"
	"net/http"
	"os"

	vestibule "github.com/vestibule-auth/vestibule/packages/go"
)

func main() {
	issuer := os.Getenv("ISSUER")
	guard, err := vestibule.New(vestibule.Options{Issuer: issuer, Audience: issuer})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"hello":"world"}`))
	})
	http.Handle("/open", hello)
	http.Handle("/guarded", guard.Protect(hello))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
