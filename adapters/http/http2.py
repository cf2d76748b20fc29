"""What failures over HTTP/2 mean, which HTTP/1.1 does not know: requests nobody looked at, and connections that are full.

httpx2 hands on what h2 says, mostly as the cause of its own errors. h2 is imported only when needed, because that takes a while.
"""


def surely_unprocessed(error: BaseException, stream: int) -> bool:
    """Tell whether the server said that it did not look at the request on ``stream`` (RFC 9113, 6.8 and 8.7)."""
    from h2.errors import ErrorCodes
    from h2.events import ConnectionTerminated, StreamReset

    match error.__cause__.args if error.__cause__ else ():
        case (StreamReset(error_code=code),):
            return code == ErrorCodes.REFUSED_STREAM
        case (ConnectionTerminated(last_stream_id=int(last)),):
            return stream > last
        case _:
            return False


def connection_is_full(error: BaseException) -> bool:
    """Tell whether the server never answered so many requests that the connection takes no more."""
    from h2.exceptions import TooManyStreamsError

    cause = error.__cause__
    return cause is not None and any(isinstance(one, TooManyStreamsError) for one in cause.args)


def protocol_errors(*, http2: bool) -> tuple[type[Exception], ...]:
    """Return the errors that h2 raises while an answer's body is read, which httpx2 hands on as they are."""
    if not http2:
        return ()
    from h2.exceptions import ProtocolError

    return (ProtocolError,)
