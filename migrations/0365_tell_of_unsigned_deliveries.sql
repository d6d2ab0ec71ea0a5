-- A delivery that cannot be signed, because somebody deleted the secret in the store, says so.
alter table public.webhook_deliveries drop constraint webhook_deliveries_last_error_check;
alter table public.webhook_deliveries add constraint webhook_deliveries_last_error_check
  check (last_error in ('timeout', 'unreachable', 'refused', 'unsigned'));
comment on column public.webhook_deliveries.last_error is
  'Why the last try has no status; refused: the address may no longer be called; unsigned: the signing secret is gone.';
