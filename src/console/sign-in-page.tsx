import type { Page } from "./render-page.ts";

interface SignInProps {
  readonly returnTo: string;
  readonly email: string;
  /** Why the last try failed; null at first. */
  readonly problem: string | null;
}

/** The plain sign-in form that leads back to where a person was going. */
export function SignInPage({ returnTo, email, problem }: SignInProps): Page {
  return {
    title: "Sign in",
    body: (
      <main>
        <h1>Sign in to Aurora Edge</h1>
        {problem === null ? null : (
          <p class="notice" role="alert">
            {problem}
          </p>
        )}
        <form method="post" action="/signin">
          <input type="hidden" name="return_to" value={returnTo} />
          <label for="email">Email</label>
          <input id="email" name="email" type="email" autocomplete="username" required value={email} />
          <label for="password">Password</label>
          <input id="password" name="password" type="password" autocomplete="current-password" required />
          <button type="submit">Sign in</button>
        </form>
      </main>
    ),
  };
}
