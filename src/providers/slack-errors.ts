/**
 * Slack's error codes, as the standard ones they mean. They come as `ok: false` with status 200.
 * @see https://docs.slack.dev/reference/methods/oauth.v2.access
 */
export const SLACK_ERRORS: Readonly<Record<string, string>> = {
  invalid_code: "invalid_grant",
  code_already_used: "invalid_grant",
  invalid_refresh_token: "invalid_grant",
  token_revoked: "invalid_grant",
  token_expired: "invalid_grant",
  account_inactive: "invalid_grant",
  invalid_client_id: "invalid_client",
  bad_client_secret: "invalid_client",
  internal_error: "temporarily_unavailable",
  fatal_error: "temporarily_unavailable",
  service_unavailable: "temporarily_unavailable",
  request_timeout: "temporarily_unavailable",
  ratelimited: "temporarily_unavailable",
};

/** What Slack says of a token it refuses, in words. @see https://docs.slack.dev/reference/methods/auth.test */
export const SLACK_SENTENCES: Readonly<Record<string, string>> = {
  account_inactive: "Slack says this token belongs to a user or workspace that is no longer there.",
  access_denied: "Slack does not let this token in.",
  invalid_auth: "Slack does not accept this token.",
  not_authed: "Slack does not accept this token.",
  missing_scope: "Slack says this token lacks a scope it needs.",
  no_permission: "Slack knows this token but does not give it the permission it needs.",
  org_login_required: "Slack is moving this workspace at the moment; try again later.",
  token_expired: "Slack says this token has expired.",
  token_revoked: "Slack says this token was revoked.",
};
