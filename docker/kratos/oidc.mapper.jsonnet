// What a third-party login brings into an account: name and picture always, the e-mail address only when the provider
// says that it is verified. Without one Kratos asks for it, and it has to be verified here.
local claims = std.extVar('claims');
local has(key) = std.objectHas(claims, key) && std.isString(claims[key]) && claims[key] != '';
local verified = has('email') && std.get(claims, 'email_verified', false) == true;

{
  identity: {
    traits: {
      [if verified then 'email' else null]: claims.email,
      [if has('name') then 'name' else null]: claims.name,
      [if has('picture') then 'picture' else null]: claims.picture,
    },
    [if verified then 'verified_addresses' else null]: [{ via: 'email', value: claims.email }],
  },
}
