package credentials

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// App is a GitHub App and its installation for some repositories. Its key signs
// requests for tokens that last an hour. Whether the key can be read is not checked
// here.
type App struct {
	ID, Installation int64
	// PrivateKey in PEM.
	PrivateKey []byte
}

// Secrets returns the values that must not appear anywhere, for Redact.
func (a App) Secrets() []string { return keySecrets(a.PrivateKey, nil) }

// String shows which App it is. Its numbers are no secret.
func (a App) String() string {
	return fmt.Sprintf("GitHub App %d, installation %d, key %s", a.ID, a.Installation, hidden)
}

// GoString is String, for %#v.
func (a App) GoString() string { return a.String() }

// Format is String, for every verb and flag.
func (a App) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue is String, for log/slog.
func (a App) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is String, for encodings that ask for text.
func (a App) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON is String as a JSON string. It does not survive a round trip.
func (a App) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

func opaque(secret *corev1.Secret) bool {
	return secret.Type == corev1.SecretTypeOpaque || secret.Type == ""
}

// isApp says that a Secret is meant to be an App's, whether or not it is complete.
func isApp(secret *corev1.Secret) bool {
	return len(secret.Data[KeyAppID])+len(secret.Data[KeyInstallationID])+len(secret.Data[KeyPrivateKey]) > 0
}

func appLogin(secret *corev1.Secret, bound bool) (GitAuth, error) {
	app, err := appOf(secret)
	if err != nil {
		return GitAuth{}, err
	}
	ca, err := certificates(secret)
	if err != nil {
		return GitAuth{}, err
	}
	return GitAuth{App: app, CA: ca, Bound: bound}, nil
}

func appOf(secret *corev1.Secret) (*App, error) {
	if !opaque(secret) {
		return nil, unusable(secret, fmt.Sprintf("its type is %s, but that of a GitHub App must be %s", secret.Type, corev1.SecretTypeOpaque))
	}
	for _, other := range []string{KeyPassword, KeyToken} {
		if len(secret.Data[other]) > 0 {
			return nil, unusable(secret, fmt.Sprintf("it has the key %s and those of a GitHub App; keep one of the two", other))
		}
	}
	var app App
	for _, field := range []struct {
		key, hint string
		to        *int64
	}{
		{KeyAppID, "the App ID of the App's settings page, not its client ID", &app.ID},
		{KeyInstallationID, "which ends the URL of the installation's settings page", &app.Installation},
	} {
		text, err := value(secret, field.key)
		if err != nil {
			return nil, err
		}
		if text == "" {
			return nil, unusable(secret, fmt.Sprintf("key %s is missing or empty; a GitHub App needs %s, %s and %s",
				field.key, KeyAppID, KeyInstallationID, KeyPrivateKey))
		}
		if *field.to, err = strconv.ParseInt(text, 10, 64); err != nil || *field.to <= 0 {
			return nil, unusable(secret, fmt.Sprintf("key %s must be a number, %s", field.key, field.hint))
		}
	}
	var err error
	app.PrivateKey, err = privateKey(secret, KeyPrivateKey)
	return &app, err
}
