module github.com/vestibule-auth/vestibule/packages/go

go 1.26.0

require (
	github.com/MicahParks/jwkset v0.11.4
	github.com/MicahParks/keyfunc/v3 v3.9.1
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/google/uuid v1.6.0
	golang.org/x/sync v0.24.0
	golang.org/x/time v0.16.0
)
