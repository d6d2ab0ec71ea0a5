-- When something ended decides when it is purged. The Worker says that it ends; Postgres says when.

alter table public.users add column deactivated_at timestamptz;
update public.users set deactivated_at = updated_at where not is_active;

create function public.stamp_deactivation() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if new.is_active then
    new.deactivated_at := null;
  elsif tg_op = 'INSERT' or old.is_active then
    new.deactivated_at := case when current_user = 'aurora_app' then now() else coalesce(new.deactivated_at, now()) end;
  elsif current_user = 'aurora_app' then
    new.deactivated_at := old.deactivated_at;
  end if;
  return new;
end
$$;
comment on function public.stamp_deactivation() is
  'Stamps users.deactivated_at. Only the owner may say another time than now, and only beside the change itself or later.';
create trigger stamp_deactivation_at_insert
  before insert on public.users
  for each row when (not new.is_active) execute function public.stamp_deactivation();
create trigger stamp_deactivation
  before update on public.users
  for each row when (not (old.is_active and new.is_active)) execute function public.stamp_deactivation();

create function public.stamp_deletion() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if new.is_active then
    new.deleted_at := null;
  elsif tg_op = 'INSERT' or old.is_active then
    new.deleted_at := case when current_user = 'aurora_app' then now() else coalesce(new.deleted_at, now()) end;
  elsif current_user = 'aurora_app' then
    new.deleted_at := old.deleted_at;
  end if;
  return new;
end
$$;
comment on function public.stamp_deletion() is 'Stamps user_tokens.deleted_at, as stamp_deactivation does for users.';
create trigger stamp_deletion_at_insert
  before insert on public.user_tokens
  for each row when (not new.is_active) execute function public.stamp_deletion();
create trigger stamp_deletion
  before update on public.user_tokens
  for each row when (not (old.is_active and new.is_active)) execute function public.stamp_deletion();
update public.user_tokens set deleted_at = updated_at where not is_active and deleted_at is null;

create function public.stamp_revocation() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if new.revoked_at is distinct from old.revoked_at and new.revoked_at is not null then
    new.revoked_at := now();
  end if;
  return new;
end
$$;
comment on function public.stamp_revocation() is 'Lets the Worker revoke now, never in the past.';
create trigger stamp_revocation
  before update on public.api_keys
  for each row when (current_user = 'aurora_app') execute function public.stamp_revocation();
create trigger stamp_revocation
  before update on public.kubectl_tokens
  for each row when (current_user = 'aurora_app') execute function public.stamp_revocation();

create function public.stamp_expiry() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if new.expires_at is distinct from old.expires_at and new.expires_at < now() then
    new.expires_at := now();
  end if;
  return new;
end
$$;
comment on function public.stamp_expiry() is 'Lets the Worker bring the end of a key forward to now, never into the past.';
create trigger stamp_expiry
  before update on public.api_keys
  for each row when (current_user = 'aurora_app') execute function public.stamp_expiry();

create function public.stamp_session_end() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if new.ended_at is distinct from old.ended_at and new.ended_at is not null then
    new.ended_at := now();
  end if;
  return new;
end
$$;
comment on function public.stamp_session_end() is 'Lets the Worker end a session now, never in the past.';
create trigger stamp_session_end
  before update on public.sessions
  for each row when (current_user = 'aurora_app') execute function public.stamp_session_end();

-- A key outlives its maker, and now its maker's row as well: the id stays, as the audit log has it. What the reference
-- kept out, a key in the name of somebody of another workspace, the policy keeps out: nobody makes one in another's name.
alter table public.api_keys drop constraint api_keys_created_by_workspace_id_fkey;
alter table public.api_keys add constraint api_keys_created_by_check check (created_by ~ '^usr_[0-9a-f]{32}$');
drop policy insert_workspace on public.api_keys;
create policy insert_own on public.api_keys for insert to aurora_app
  with check (workspace_id = public.current_workspace_id() and created_by = public.current_user_id());

-- A key's successor may be gone before it.
alter table public.api_keys drop constraint api_keys_replaced_by_fkey;
alter table public.api_keys add constraint api_keys_replaced_by_fkey
  foreign key (replaced_by) references public.api_keys (id) on delete set null;

comment on table public.users is 'A person. Deactivated by the Worker; purged 30 days later. Audit names them by id.';
comment on column public.users.deactivated_at is 'Since when not active; null while active.';
comment on column public.api_keys.created_by is 'Who made it; that person may be purged by now.';
comment on column public.api_keys.replaced_by is 'The key it was rotated to, until that one is purged; this one works until expires_at.';

-- Oldest first, for the purge. least() passes over nulls: whichever end came first.
create index users_deactivated on public.users (deactivated_at) where not is_active;
create index sessions_over on public.sessions (least(ended_at, expires_at));
create index api_keys_over on public.api_keys (least(revoked_at, expires_at));
create index kubectl_tokens_over on public.kubectl_tokens (least(revoked_at, expires_at));
-- For deleting a key: which one names it as its successor.
create index api_keys_by_successor on public.api_keys (replaced_by) where replaced_by is not null;
-- For deleting a person: their sessions, whatever became of them.
create index sessions_by_user on public.sessions (user_id);
