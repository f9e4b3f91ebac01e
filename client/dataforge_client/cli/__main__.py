from dataforge_client.cli import main

main()
