/** Work that is held back until the test lets it go. */
interface Gate {
  readonly open: Promise<void>;
}

/**
 * The lives of an object. Everything it asks of the outside goes through a guard: after its death no answer arrives,
 * though what was asked happens all the same. A test may end a life, or hold a call, at any named step.
 */
export interface Lives {
  begin(): Life;
  /** Called when a life ends because of `dieAfter`; the test begins the next. */
  onDeath: () => void;
  /** Ends the present life when a call of that name has had its effect. */
  dieAfter: string | null;
  /** Ends the present life at once. */
  end(): void;
  /** Holds the next call of that name before it has any effect; the answer lets it go. */
  hold(name: string): () => void;
  /** Calls that throw away their answer and fail instead, though they had their effect. */
  readonly losing: Map<string, Error>;
  /** Every call, in order. */
  readonly calls: string[];
}

interface Life {
  guard<Port extends object>(name: string, port: Port): Port;
  guardFunction<Args extends unknown[], Result>(
    name: string,
    work: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result>;
}

const NEVER = new Promise<never>(() => {});

export function createLives(): Lives {
  let current = 0;
  const gates = new Map<string, Gate>();
  const lives: Lives = {
    onDeath: () => undefined,
    dieAfter: null,
    end: () => {
      current += 1;
    },
    hold(name) {
      let release = () => {};
      gates.set(name, { open: new Promise((resolve) => (release = resolve)) });
      return () => release();
    },
    losing: new Map(),
    calls: [],
    begin() {
      current += 1;
      const life = current;
      const isDead = () => life !== current;
      const guardFunction: Life["guardFunction"] =
        (name, work) =>
        async (...args) => {
          if (isDead()) return NEVER;
          lives.calls.push(name);
          const gate = gates.get(name);
          gates.delete(name);
          await gate?.open;
          const outcome = await Promise.allSettled([work(...args)]);
          if (lives.dieAfter === name) {
            lives.dieAfter = null;
            lives.end();
            lives.onDeath();
          }
          if (isDead()) return NEVER;
          const lost = lives.losing.get(name);
          lives.losing.delete(name);
          if (lost) throw lost;
          if (outcome[0].status === "rejected") throw outcome[0].reason;
          return outcome[0].value;
        };
      return { guardFunction, guard: (name, port) => guardPort(name, port, guardFunction) };
    },
  };
  return lives;
}

function guardPort<Port extends object>(name: string, port: Port, guardFunction: Life["guardFunction"]): Port {
  return new Proxy(port, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function") return member;
      return guardFunction(`${name}.${String(key)}`, async (...args: unknown[]) => member.apply(target, args));
    },
  });
}
