// Debian's njs imports keys as SPKI only, and each request has a context of its own: the key is imported for each.
const pem = `PUBLIC_KEY`;
const key = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function verify(r) {
  try {
    const parts = r.headersIn.Authorization.slice('Bearer '.length).split('.');
    const header = JSON.parse(Buffer.from(parts[0], 'base64url').toString());
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString());
    const imported = await crypto.subtle.importKey('spki', key, algorithm, false, ['verify']);
    const signed = Buffer.from(parts[0] + '.' + parts[1]);
    const isSigned = await crypto.subtle.verify(
      algorithm,
      imported,
      Buffer.from(parts[2], 'base64url'),
      signed,
    );
    const isMeant = claims.iss === 'ISSUER' && claims.aud === 'AUDIENCE' && claims.exp * 1000 > Date.now();
    if (header.alg !== 'ES256' || !isSigned || !isMeant) {
      r.return(401);
      return;
    }
    r.headersOut['X-Auth-User'] = claims.sub;
    r.headersOut['X-Auth-Email'] = claims.email;
    r.return(204);
  } catch (error) {
    r.error(`refused: ${error.message}`);
    r.return(401);
  }
}

export default { verify };
