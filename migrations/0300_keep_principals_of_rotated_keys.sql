-- A key made by rotation acts as the same principal as the key it replaces: what that principal connected stays its own.
alter table public.api_keys add column principal_id text check (principal_id ~ '^key_[0-9a-f]{32}$');
comment on column public.api_keys.principal_id is
  'As whom the key acts: the first key of the line it was rotated from; null for a first key, which acts as itself.';
grant select (principal_id) on public.api_keys to aurora_app;
grant insert (principal_id) on public.api_keys to aurora_app;

-- Whether a principal has a key left.
create index api_keys_by_principal on public.api_keys (coalesce(principal_id, id)) where revoked_at is null;

-- The answer has another column: a function cannot change what it returns.
drop function public.prove_api_key(text);
create function public.prove_api_key(p_key_hash text)
  returns table (
    id text, principal_id text, workspace_id text, service_name text, permissions text[], expires_at timestamptz
  )
  language plpgsql volatile security definer
  set search_path = ''
as $$
begin
  -- At most once a minute, and never waiting: a busy key's callers would otherwise queue for its row.
  if current_setting('transaction_read_only') = 'off' then
    update public.api_keys touched
    set last_used_at = now()
    where touched.id in (
      select k.id
      from public.api_keys k
      where k.key_hash = p_key_hash::bpchar
        and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())
        and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute')
      for update skip locked
    );
  end if;
  return query
    select k.id, coalesce(k.principal_id, k.id), k.workspace_id, k.service_name, k.permissions, k.expires_at
    from public.api_keys k
    where k.key_hash = p_key_hash::bpchar
      and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now());
end
$$;
comment on function public.prove_api_key(text) is
  'The key with that SHA-256 (hex) while neither revoked nor expired, else no row; notes its use at most once a minute.';
revoke execute on function public.prove_api_key(text) from public;
grant execute on function public.prove_api_key(text) to aurora_app;
