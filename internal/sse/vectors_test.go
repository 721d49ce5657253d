package sse

// What a program of this format stored once, for TestStoredForm.
const (
	vectorObjectKey = "439c90139d56173bacd8d4bc538c174d9e551cb27d466e8e3d5b0f4efd059b5f"
	vectorSealed    = "544f894668bb5bfdbfbea75de65b7119e9653cc43ccbfbac89b9571fda544278a3c436280f4767ec0ceaf280cf6ae44dd6e99cc2111bfeb59c60f8c2cd04367c4a0e157ad1815df5"
	vectorWhole     = "20000d008f893a87564bdd53a773965ca36aada05282d70dc0480140e09ddd6d7465e2c815a417f708ef46b83af8"
	vectorPart      = "20000d008d703959a2e46d684cf1ead931852baabdf350657cc8dc18768d8f026335985245b0257cd79b84bc6747"
	vectorDigest    = "737f4a6ea227e95cb9d935c2d49721bb0c4cd5be6c035e894a9a540d797f1e06955efabb6428052e75ba66749f65"
)
