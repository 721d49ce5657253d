'use strict'

// What users of the AWS SDK for JavaScript v3 do. TestJavaScript of test/sdk
// runs it, with the endpoint, the credential and the steps in the environment.

const { newClient, makeBucket, bucket } = require('./check')
const steps = {
  ...require('./objects'),
  ...require('./uploads'),
  ...require('./http'),
  ...require('./versions'),
  ...require('./configuration'),
  ...require('./secrets')
}

async function main () {
  const client = newClient()
  await makeBucket(client, bucket)
  for (const name of process.env.STEPS.split(' ')) {
    if (!(name in steps)) throw new Error(`there is no step ${name}`)
    console.log(name)
    await steps[name](client)
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
