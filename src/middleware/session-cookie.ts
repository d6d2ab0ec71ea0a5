import type { Context } from "hono";
import { setCookie } from "hono/cookie";

/** Where a browser keeps its session. */
const NAME = "access_token";
const ATTRIBUTES = { httpOnly: true, secure: true, sameSite: "Lax", path: "/" } as const;

/** What parts cookies; the comma where a client sent several headers, since no cookie's value holds one. */
const SEPARATOR = /;|, /;

/** Every value of our cookie in the request. An empty one alone is what a logout leaves behind, and counts as none. */
export function readSessionCookies(c: Context): readonly string[] {
  const pairs = (c.req.header("cookie") ?? "").split(SEPARATOR).map((pair) => pair.trim());
  const values = pairs.filter((pair) => pair.startsWith(`${NAME}=`)).map((pair) => pair.slice(NAME.length + 1));
  return values.length === 1 && values[0] === "" ? [] : values;
}

/** Hands the browser its session. */
export function setSessionCookie(c: Context, token: string, maxAgeSeconds: number): void {
  setCookie(c, NAME, token, { ...ATTRIBUTES, maxAge: maxAgeSeconds });
}

/** Takes the session from the browser: the same attributes, or it would stay. */
export function clearSessionCookie(c: Context): void {
  setCookie(c, NAME, "", { ...ATTRIBUTES, maxAge: 0 });
}
