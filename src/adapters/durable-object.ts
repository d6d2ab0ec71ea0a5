/** The parts of a namespace that find an object by name. */
type Namespace = DurableObjectNamespace;

/**
 * Finds the object of that name and types it as its RPC interface.
 *
 * @param jurisdiction Applied to every id from the start: an object cannot be moved later.
 */
export function findObject<Rpc>(namespace: Namespace, name: string, jurisdiction: "eu" | "fedramp" | null): Rpc {
  const home = jurisdiction === null ? namespace : namespace.jurisdiction(jurisdiction);
  // The binding cannot name the class without a cycle of imports; each adapter names the interface the class implements.
  return home.get(home.idFromName(name)) as unknown as Rpc;
}
