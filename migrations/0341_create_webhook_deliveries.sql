-- One event for one webhook, and what became of it.
create table public.webhook_deliveries (
  id text primary key check (id ~ '^msg_[0-9a-f]{32}$'),
  webhook_id text not null,
  workspace_id text not null,
  seq bigint not null check (seq > 0),
  event text not null check (event <> ''),
  payload text not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed', 'dropped')),
  attempts integer not null default 0 check (attempts >= 0),
  last_status integer check (last_status between 100 and 999),
  last_error text check (last_error in ('timeout', 'unreachable', 'refused')),
  next_attempt_at timestamptz,
  created_at timestamptz not null default now(),
  delivered_at timestamptz,
  -- However often an event is handed over, a webhook is told of it once. Also answers a webhook's deliveries by event.
  unique (webhook_id, seq),
  foreign key (webhook_id, workspace_id) references public.webhooks (id, workspace_id) on delete cascade,
  check ((status = 'pending') = (next_attempt_at is not null))
);
alter table public.webhook_deliveries enable row level security;
alter table public.webhook_deliveries force row level security;

-- What a sender has to send.
create index webhook_deliveries_pending on public.webhook_deliveries (webhook_id, next_attempt_at)
  where status = 'pending';
-- purge_webhook_deliveries.
create index webhook_deliveries_by_age on public.webhook_deliveries (created_at);

comment on table public.webhook_deliveries is 'An event to be sent to a webhook. Never what the receiver answered, but its status.';
comment on column public.webhook_deliveries.id is 'Sent as webhook-id; made from workspace, event and webhook, so that a repeat has the same.';
comment on column public.webhook_deliveries.seq is 'The number of the audit event.';
comment on column public.webhook_deliveries.payload is 'The very text that is sent at each try. Ids only: no secret, no email, no path.';
comment on column public.webhook_deliveries.attempts is 'Tries made since it was last made pending.';
comment on column public.webhook_deliveries.last_error is 'Why the last try has no status; refused: the address may no longer be called.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.webhook_deliveries to aurora_owner using (true) with check (true);
create policy select_workspace on public.webhook_deliveries for select to aurora_app
  using (workspace_id = public.current_workspace_id());
create policy insert_workspace on public.webhook_deliveries for insert to aurora_app
  with check (workspace_id = public.current_workspace_id());
create policy update_workspace on public.webhook_deliveries for update to aurora_app
  using (workspace_id = public.current_workspace_id())
  with check (workspace_id = public.current_workspace_id());

grant select (
  id, webhook_id, workspace_id, seq, event, payload, status, attempts, last_status, last_error, next_attempt_at,
  created_at, delivered_at
) on public.webhook_deliveries to aurora_app;
grant insert (id, webhook_id, workspace_id, seq, event, payload, next_attempt_at)
  on public.webhook_deliveries to aurora_app;
grant update (status, attempts, last_status, last_error, next_attempt_at, delivered_at)
  on public.webhook_deliveries to aurora_app;
