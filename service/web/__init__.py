"""The pages that people look at: made on the server, complete without JavaScript, better with a little."""

from service.web import about, adding, checking, find, grades, library, pageview, state, threads, times

PAGES = (about, find, times, threads, grades, library, pageview, checking, state, adding)
ROUTERS = tuple(module.router for module in PAGES)
