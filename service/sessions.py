"""Sessions of people who signed in with their key: a browser sends no key with a link, but it sends a cookie."""

import hmac
import time
from dataclasses import dataclass

from service.keys import Key

COOKIE = "citewell_session"
LASTS_S = 12 * 60 * 60
_KEPT = "HttpOnly; SameSite=Strict; Path=/"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Makes and reads cookies that name a key without telling it, signed with a secret that all workers share.

    Nothing is stored: a session ends with its time, with the secret, or when whoever reads it finds that the key is
    gone.
    """

    secret: bytes  # random, 32 bytes

    def cookie(self, key: Key, *, secure: bool) -> str:
        """Write the Set-Cookie header of a new session; `secure` keeps the cookie from being sent without TLS."""
        claim = f"{key.id}.{int(time.time()) + LASTS_S}"
        more = "; Secure" if secure else ""
        return f"{COOKIE}={claim}.{self._signature(claim)}; {_KEPT}; Max-Age={LASTS_S}{more}"

    def clearing(self) -> str:
        """Write the Set-Cookie header that has the browser forget it."""
        return f"{COOKIE}=; {_KEPT}; Max-Age=0"

    def key_id(self, cookies: str) -> str | None:
        """Give the id of the key that a Cookie header names, None where no session in it is good."""
        for part in cookies.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE and (found := self._checked(value)):
                return found
        return None

    def _checked(self, value: str) -> str | None:
        claim, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._signature(claim).encode()):
            return None
        key_id, _, expiry = claim.rpartition(".")  # as we wrote it, now that the signature is ours
        return key_id if time.time() < int(expiry) else None

    def _signature(self, claim: str) -> str:
        return hmac.digest(self.secret, claim.encode(errors="replace"), "sha256").hex()
