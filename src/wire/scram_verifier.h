/* What the exchange (scram.c) does with a verifier; how one is made is in the room's door. */
#ifndef WIRE_SCRAM_VERIFIER_H
#define WIRE_SCRAM_VERIFIER_H

#include "wire/wire.h"

/* From the password with the salt and iterations that *verifier already holds. */
void scram_verifier_derive(struct view password, struct scram_verifier *verifier);

/* ClientProof belongs to StoredKey and AuthMessage, RFC 5802, section 3. */
bool scram_verifier_accepts(const struct scram_verifier *verifier, struct view auth_message,
                            const struct sha256 *proof);

/* ServerSignature */
struct sha256 scram_verifier_sign(const struct scram_verifier *verifier, struct view auth_message);

#endif
