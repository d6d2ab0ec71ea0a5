-- Proving who calls, before there is a context to see rows in.

create function public.prove_session(p_session_id text, p_user_id text)
  returns table (user_id text, workspace_id text, email text, name text, role text, expires_at timestamptz)
  language sql stable security definer
  set search_path = ''
as $$
  select u.id, u.workspace_id, u.email, u.name, u.role, s.expires_at
  from public.sessions s
  join public.users u on u.id = s.user_id
  where s.id = p_session_id
    and s.user_id = p_user_id
    and s.ended_at is null
    and s.expires_at > now()
    and u.is_active
$$;
comment on function public.prove_session(text, text) is
  'The user of a session that is neither ended nor expired, while the user is active; else no row.';
revoke execute on function public.prove_session(text, text) from public;
grant execute on function public.prove_session(text, text) to aurora_app;

create function public.prove_api_key(p_key_hash text)
  returns table (id text, workspace_id text, service_name text, permissions text[], expires_at timestamptz)
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
    select k.id, k.workspace_id, k.service_name, k.permissions, k.expires_at
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
