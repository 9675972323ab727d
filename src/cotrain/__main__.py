from cotrain.cli.command import main

main()
