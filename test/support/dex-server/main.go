// Dex's own server on memory alone, with one client and one person: its command would bring databases that no longer build together.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	logger := logrus.New()
	store, err := contents(logger)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := server.NewServer(context.Background(), server.Config{
		Issuer:             os.Getenv("ISSUER"),
		Storage:            store,
		SkipApprovalScreen: true,
		Web:                server.WebConfig{Dir: os.Getenv("WEB_DIR")},
		Logger:             logger,
		PrometheusRegistry: prometheus.NewRegistry(),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handler))
}

// contents is all that the server knows.
func contents(logger logrus.FieldLogger) (storage.Storage, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(os.Getenv("USER_PASSWORD")), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}
	people := []storage.Password{{
		Email:    os.Getenv("USER_EMAIL"),
		Hash:     hash,
		Username: os.Getenv("USER_NAME"),
		UserID:   os.Getenv("USER_ID"),
	}}
	clients := []storage.Client{{
		ID:           os.Getenv("CLIENT_ID"),
		Secret:       os.Getenv("CLIENT_SECRET"),
		RedirectURIs: []string{os.Getenv("REDIRECT_URI")},
		Name:         "Vestibule",
	}}
	connectors := []storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}}
	store := storage.WithStaticPasswords(memory.New(logger), people, logger)
	return storage.WithStaticConnectors(storage.WithStaticClients(store, clients), connectors), nil
}
