"""An application as Authlib's documentation has it for Flask: it sends a nonce, and no PKCE."""

import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for

app = Flask(__name__)
app.secret_key = os.environ["COOKIE_SECRET"]
oauth = OAuth(app)
oauth.register(
    name="vestibule",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email"},
)


@app.route("/login")
def login():
    return oauth.vestibule.authorize_redirect(url_for("callback", _external=True))


@app.route("/callback")
def callback():
    session["user"] = oauth.vestibule.authorize_access_token()["userinfo"]
    return redirect("/")


@app.route("/")
def home():
    user = session.get("user")
    if user is None:
        return redirect("/login")
    return f"<!doctype html><title>App</title><h1>Logged in as {user['email']}</h1>"
