/** Every callback the Worker has: the paths the seed names, and ours for all other providers. */
const CALLBACK_PATH =
  /^\/(gcp\/callback|ovh_api\/ovh\/oauth2\/callback|slack\/callback|bitbucket\/callback|api\/v1\/oauth\/[a-z0-9_-]+\/callback)$/;

/** Says which redirect URIs the sandbox's clients are registered with, for a Worker at `publicUrl`. */
export function createRedirectUriCheck(publicUrl: string): (uri: string) => boolean {
  return (uri) => uri.startsWith(`${publicUrl}/`) && CALLBACK_PATH.test(uri.slice(publicUrl.length));
}
