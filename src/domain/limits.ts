/** At most `limit` calls in any `windowSeconds`. */
export interface Limit {
  readonly limit: number;
  readonly windowSeconds: number;
}

const MINUTE = 60;

/** Every bucket there is. Buckets are separate, so that no path starves another. */
export const DEFAULT_LIMITS = {
  principal: { limit: 100, windowSeconds: MINUTE },
  token_read: { limit: 600, windowSeconds: MINUTE },
  login_account: { limit: 5, windowSeconds: MINUTE },
  login_address: { limit: 20, windowSeconds: MINUTE },
  register_address: { limit: 5, windowSeconds: MINUTE },
  change_password: { limit: 5, windowSeconds: MINUTE },
  connect: { limit: 10, windowSeconds: MINUTE },
  callback_address: { limit: 30, windowSeconds: MINUTE },
  /** Opening sockets: when a deploy has closed them, they all come back at once. */
  alerts: { limit: 2000, windowSeconds: MINUTE },
  /** Of one socket, which counts them itself. */
  alert_frames: { limit: 5, windowSeconds: MINUTE },
  unauthenticated_address: { limit: 300, windowSeconds: MINUTE },
} as const satisfies Record<string, Limit>;
export type LimitName = keyof typeof DEFAULT_LIMITS;

/** Limits of this size and more are leased to isolates in batches; smaller ones are counted one by one. */
export const LEASED_FROM = 100;

/** What the limiter decided for one call. */
export interface LimitDecision {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the next call may pass (when refused) or until the window is empty again. */
  readonly resetSeconds: number;
  /** True when the limiter itself could not be asked. */
  readonly degraded: boolean;
}
