-- What was purged and is not yet in the audit log: written in the transaction that deletes, so that no crash loses it.
create table public.retention_ledger (
  id bigint generated always as identity primary key,
  -- No foreign key: a purge is told whatever becomes of the workspace.
  workspace_id text not null,
  kind text not null,
  count integer not null check (count > 0),
  ids text[] not null check (cardinality(ids) between 1 and 20),
  older_than timestamptz not null,
  leased_until timestamptz
);
alter table public.retention_ledger enable row level security;
alter table public.retention_ledger force row level security;

comment on table public.retention_ledger is 'Purges that the audit log has yet to be told of. Empty between runs.';
comment on column public.retention_ledger.ids is 'What was purged, the first 20.';
comment on column public.retention_ledger.leased_until is 'A run is telling it until then.';

-- Lets definer functions work under FORCE, see workspaces. aurora_app has no right of its own here.
create policy all_owner on public.retention_ledger to aurora_owner using (true) with check (true);
