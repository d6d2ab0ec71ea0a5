/** What a consent asks for. Bitbucket takes the scopes of its OAuth consumer instead, so that the grant may differ. */
export const OAUTH_SCOPES = [
  ...["repository:write", "pullrequest:write", "issue:write", "account", "project", "pipeline:write", "webhook"],
] as const;

/**
 * What an API token should have; writing does not include reading.
 * @see https://support.atlassian.com/bitbucket-cloud/docs/api-token-permissions/
 */
export const API_TOKEN_SCOPES = [
  ...["read:user:bitbucket", "read:workspace:bitbucket", "read:project:bitbucket"],
  ...["read:repository:bitbucket", "write:repository:bitbucket"],
  ...["read:pullrequest:bitbucket", "write:pullrequest:bitbucket"],
  ...["read:issue:bitbucket", "write:issue:bitbucket"],
  ...["read:pipeline:bitbucket", "write:pipeline:bitbucket"],
  ...["read:webhook:bitbucket", "write:webhook:bitbucket", "delete:webhook:bitbucket"],
] as const;
